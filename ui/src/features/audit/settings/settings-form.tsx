import { Button, Group, NativeSelect, Radio, Stack, Switch, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { auditSettingsQuery, auditStatusQuery } from "../../../api/queries";
import type { AuditSettings } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { useServiceState } from "../../../api/use-service-state";
import { Confirm } from "../../../components/dialogs";
import { differing, StaleNotice } from "../../../components/stale-notice";
import { Failure } from "../../../components/states";
import { strings } from "../../../strings";
import { DURABILITIES, METRICS, settingsOf, tightened, validate, type Values, valuesOf, wordsOf } from "./form";
import { MetricsToken } from "./metrics-token";

const t = strings.audit.settings;
const ORDER: ("label" | "input" | "description" | "error")[] = ["label", "input", "description", "error"];

/** All settings of the trail, replaced together. Nothing typed is lost when the gateway refuses. */
export function SettingsForm({ settings, mayChange }: { settings: AuditSettings; mayChange: boolean }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  // As first opened: what others change meanwhile is a conflict, not a new start.
  const [opened, setOpened] = useState(settings);
  const [asking, setAsking] = useState<readonly string[]>();
  const [saved, setSaved] = useState(false);
  const form = useForm<Values>({ initialValues: valuesOf(settings), validate });
  const { values } = form;
  const take = (now: AuditSettings) => {
    setOpened(now);
    form.setInitialValues(valuesOf(now));
    form.setValues(valuesOf(now));
    queries.setQueryData(auditSettingsQuery(client).queryKey, now);
  };
  const save = useAction(async (version: number) => {
    try {
      take(await unwrap(client.PUT("/api/v1/audit/settings", { body: settingsOf(form.getValues(), version) })));
    } finally {
      setAsking(undefined);
    }
    setSaved(true);
    await queries.invalidateQueries({ queryKey: auditStatusQuery(client).queryKey });
  });
  const now = save.error?.code === "stale" ? (save.error.current as AuditSettings | undefined) : undefined;
  const submit = () => {
    const parts = tightened(valuesOf(opened), values);
    if (parts.length > 0) setAsking(parts);
    else void save.run(opened.version);
  };
  const off = !mayChange || stopped;
  const field = (name: keyof Values) => ({ ...form.getInputProps(name), disabled: off, inputWrapperOrder: ORDER, "data-testid": `setting-${name}` });

  return (
    <form noValidate onSubmit={form.onSubmit(submit)} onChange={() => setSaved(false)} data-testid="audit-settings">
      <Stack>
        <section className="panel padded settings-part" aria-labelledby="settings-record">
          <h2 id="settings-record">{t.recordTitle}</h2>
          <Radio.Group label={t.durability} value={values.durability} onChange={(value) => form.setFieldValue("durability", DURABILITIES.find((known) => known === value) ?? "by_effect")}>
            <Stack gap="xs" mt={6}>
              {DURABILITIES.map((value) => (
                <Radio key={value} value={value} label={t.durabilities[value]} description={t.durabilityMeaning[value]} disabled={off} data-testid={`setting-durability-${value}`} />
              ))}
            </Stack>
          </Radio.Group>
          <Switch label={t.receipts} description={t.receiptsHint} disabled={off} data-testid="setting-receipts" {...form.getInputProps("receipts", { type: "checkbox" })} />
        </section>
        <section className="panel padded settings-part" aria-labelledby="settings-keep">
          <h2 id="settings-keep">{t.keepTitle}</h2>
          <p className="note dim">{t.keepIntro}</p>
          <div className="settings-fields">
            <TextInput label={t.recordsDays} description={t.recordsDaysHint} placeholder={t.forEver} inputMode="numeric" {...field("recordsDays")} />
            <TextInput label={t.bodiesDays} description={t.bodiesDaysHint} placeholder={t.forEver} inputMode="numeric" {...field("bodiesDays")} />
            <TextInput label={t.maxMib} description={t.maxMibHint} placeholder={t.noBound} inputMode="numeric" {...field("maxMib")} />
          </div>
        </section>
        <section className="panel padded settings-part" aria-labelledby="settings-witness">
          <h2 id="settings-witness">{t.witnessTitle}</h2>
          <p className="note dim">{t.witnessIntro}</p>
          <div className="settings-fields">
            <TextInput label={t.witnessFolder} description={t.witnessFolderHint} placeholder="/mnt/backup/agw" className="mono" spellCheck={false} {...field("witnessFolder")} />
            <TextInput label={t.witnessUrl} description={t.witnessUrlHint} placeholder="https://witness.example" className="mono" spellCheck={false} {...field("witnessUrl")} />
          </div>
        </section>
        <section className="panel padded settings-part" aria-labelledby="settings-metrics">
          <h2 id="settings-metrics">{t.metricsTitle}</h2>
          <Group align="end" gap="sm">
            <NativeSelect label={t.metrics} w={280} data={METRICS.map((value) => ({ value, label: t.metricsChoices[value] }))} {...field("metrics")} />
            {mayChange && <MetricsToken disabled={stopped} />}
          </Group>
        </section>
        {save.error && !now && <Failure message={save.error.message} next={save.error.next} />}
        {now && (
          <StaleNotice
            rows={differing(wordsOf(values), wordsOf(valuesOf(now)))}
            pending={save.pending}
            onTakeNow={() => {
              save.clear();
              take(now);
            }}
            onOverwrite={() => void save.run(now.version)}
          />
        )}
        {mayChange && (
          <Group gap="sm">
            <Button type="submit" loading={save.pending && asking === undefined} disabled={off || now !== undefined} data-testid="settings-save">
              {t.save}
            </Button>
            <span role="status" className="dim note">
              {saved && !form.isDirty() && t.saved}
            </span>
          </Group>
        )}
      </Stack>
      <Confirm
        opened={asking !== undefined}
        title={t.shorterTitle}
        confirm={t.shorterConfirm}
        cancel={strings.cancel}
        pending={save.pending}
        onConfirm={() => void save.run(opened.version)}
        onCancel={() => setAsking(undefined)}
      >
        <Text size="sm">{asking && t.shorterText(asking)}</Text>
      </Confirm>
    </form>
  );
}

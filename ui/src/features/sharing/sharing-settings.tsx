import { Button, Group, Radio, Stack, Switch, TagsInput, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { authorityQuery, sharingQuery } from "../../api/queries";
import type { Sharing, SharingSettings as Settings } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useRole } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { CopyLine } from "../../components/copy-line";
import { Confirm } from "../../components/dialogs";
import { Mark } from "../../components/mark";
import { differing, StaleNotice } from "../../components/stale-notice";
import { Failure, Loaded } from "../../components/states";
import { strings } from "../../strings";
import { AuthorityPart } from "./authority-part";
import { settingsOf, validate, type Values, valuesOf, wordsOf } from "./form";

const t = strings.sharing;
const ORDER: ("label" | "input" | "description" | "error")[] = ["label", "input", "description", "error"];

/** Whether and how other machines reach the gateway. */
export function SharingSettings() {
  const { client } = useGateway();
  const sharing = useQuery(sharingQuery(client));
  return (
    <Stack data-testid="sharing">
      <Loaded of={sharing} shape="form">
        {(now) => (
          <>
            <State sharing={now} />
            <SharingForm sharing={now} />
            {now.settings.certificate.kind === "own" && <AuthorityPart />}
          </>
        )}
      </Loaded>
    </Stack>
  );
}

const MARKS = {
  off: { tone: "neutral", icon: "lock" },
  listening: { tone: "allow", icon: "check" },
  failed: { tone: "deny", icon: "alert" },
} as const;

function State({ sharing }: { sharing: Sharing }) {
  return (
    <section className="panel padded settings-part" aria-labelledby="sharing-state">
      <Group justify="space-between">
        <h2 id="sharing-state">{t.title}</h2>
        <span data-testid="sharing-state" data-state={sharing.state}>
          <Mark {...MARKS[sharing.state]} label={t.states[sharing.state]} />
        </span>
      </Group>
      <p className="note dim">{t.text}</p>
      {sharing.problem && <Failure message={t.states[sharing.state]} next={sharing.problem} />}
      {sharing.url && <CopyLine text={sharing.url} label={t.reachedAt} testId="sharing-url" />}
      {sharing.certificate && (
        <dl className="facts">
          <dt>{t.fingerprint}</dt>
          <dd>
            <code data-testid="sharing-fingerprint">{sharing.certificate.fingerprint}</code>
          </dd>
          <dt>{t.expires}</dt>
          <dd>
            <time dateTime={sharing.certificate.expires_at}>{sharing.certificate.expires_at.slice(0, 10)}</time>
          </dd>
        </dl>
      )}
    </section>
  );
}

/** All of it, replaced together. Nothing typed is lost when the gateway refuses. */
function SharingForm({ sharing }: { sharing: Sharing }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const mayChange = useRole() === "admin";
  const stopped = useServiceState() === "stopped";
  // As first opened: what others change meanwhile is a conflict, not a new start.
  const [opened, setOpened] = useState(sharing.settings);
  const [asking, setAsking] = useState(false);
  const [saved, setSaved] = useState(false);
  const form = useForm<Values>({ initialValues: valuesOf(sharing.settings), validate });
  const { values } = form;
  const take = (now: Settings) => {
    setOpened(now);
    form.setInitialValues(valuesOf(now));
    form.setValues(valuesOf(now));
  };
  const save = useAction(async (version: number) => {
    try {
      const now = await unwrap(client.PUT("/api/v1/sharing", { body: settingsOf(form.getValues(), version) }));
      queries.setQueryData(sharingQuery(client).queryKey, now);
      take(now.settings);
    } finally {
      setAsking(false);
    }
    setSaved(true);
    // It may be made only now.
    await queries.invalidateQueries({ queryKey: authorityQuery(client).queryKey });
  });
  const now = save.error?.code === "stale" ? (save.error.current as Settings | undefined) : undefined;
  const off = !mayChange || stopped;
  const submit = () => (opened.on && !values.on ? setAsking(true) : void save.run(opened.version));
  const missing = sharing.suggested.filter((name) => !values.names.includes(name));
  const field = (name: "address" | "port" | "certificate" | "key") => ({ ...form.getInputProps(name), disabled: off, inputWrapperOrder: ORDER, spellCheck: false, "data-testid": `sharing-${name}` });

  return (
    <form noValidate onSubmit={form.onSubmit(submit)} onChange={() => setSaved(false)}>
      <Stack>
        <section className="panel padded settings-part">
          <Switch label={t.on} disabled={off} data-testid="sharing-on" {...form.getInputProps("on", { type: "checkbox" })} />
          <TagsInput label={t.names} description={t.namesHint} inputWrapperOrder={ORDER} disabled={off} acceptValueOnBlur data-testid="sharing-names" {...form.getInputProps("names")} />
          {mayChange && missing.length > 0 && (
            <Group gap="xs">
              <Text size="xs" c="dimmed">
                {t.suggested}
              </Text>
              {missing.map((name) => (
                <Button key={name} size="compact-xs" variant="default" disabled={off} onClick={() => form.setFieldValue("names", [...values.names, name])} aria-label={t.add(name)}>
                  {name}
                </Button>
              ))}
            </Group>
          )}
          <div className="settings-fields">
            <TextInput label={t.address} description={t.addressHint} className="mono" {...field("address")} />
            <TextInput label={t.port} inputMode="numeric" {...field("port")} />
          </div>
          <Radio.Group label={t.certificate} value={values.source} onChange={(value) => form.setFieldValue("source", value === "files" ? "files" : "own")}>
            <Stack gap="xs" mt={6}>
              <Radio value="own" label={t.own} description={t.ownHint} disabled={off} data-testid="sharing-own" />
              <Radio value="files" label={t.files} description={t.filesHint} disabled={off} data-testid="sharing-files" />
            </Stack>
          </Radio.Group>
          {values.source === "files" && (
            <div className="settings-fields">
              <TextInput label={t.certificateFile} description={t.certificateFileHint} placeholder={t.certificateSample} className="mono" {...field("certificate")} />
              <TextInput label={t.keyFile} placeholder={t.keySample} className="mono" {...field("key")} />
            </div>
          )}
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
        {mayChange ? (
          <Group gap="sm">
            <Button type="submit" loading={save.pending && !asking} disabled={off || now !== undefined} data-testid="sharing-save">
              {t.save}
            </Button>
            <span role="status" className="dim note">
              {saved && !form.isDirty() && t.saved}
            </span>
          </Group>
        ) : (
          <p className="note dim">{t.readOnly}</p>
        )}
      </Stack>
      <Confirm opened={asking} title={t.offTitle} confirm={t.offConfirm} cancel={strings.cancel} pending={save.pending} onConfirm={() => void save.run(opened.version)} onCancel={() => setAsking(false)}>
        <Text size="sm">{t.offText}</Text>
      </Confirm>
    </form>
  );
}

import { Button, Group, NativeSelect, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../../api/client";
import { ApiError } from "../../../api/error";
import { useGateway } from "../../../api/gateway";
import { keys, toolQuery, toolsQuery } from "../../../api/queries";
import type { Change, Effect, Grant, NewGrant } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { Dialog } from "../../../components/dialog";
import { Failure } from "../../../components/states";
import { dayAndTime } from "../../../components/time";
import { strings } from "../../../strings";
import { itemOf } from "../../../strings/items";
import { SimulationPanel } from "../simulation-panel";
import { SubjectSelect, ToolInput } from "../subject-select";
import { ConditionFields } from "./condition-fields";
import { bodyOf, type Draft, type Expiry, type RateUnit, valuesOf, type Values, validate } from "./form";
import { fieldsOf, toRules } from "./rules";
import { Stale } from "./stale";
import { useCondition } from "./use-condition";
import "../grants.css";

const t = strings.grants.dialog;
const EFFECTS: readonly Effect[] = ["allow", "ask", "deny"];
const UNITS: readonly RateUnit[] = ["", "s", "min", "h", "day"];

interface GrantDialogProps {
  draft: Draft;
  onClose: () => void;
  /** Absent where there is nothing to remove. */
  onRemove?: ((grant: Grant) => void) | undefined;
}

/** Adds a grant, or edits one. Nothing typed is lost when the gateway refuses. */
export function GrantDialog({ draft, onClose, onRemove }: GrantDialogProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  // The row that is edited, as last seen; another one after a conflict was settled.
  const [grant, setGrant] = useState(draft.grant);
  const [stale, setStale] = useState<{ mine: Omit<NewGrant, "version">; now: Grant | undefined }>();
  const form = useForm<Values>({ initialValues: valuesOf(draft), validate });
  const { values } = form;

  const named = useQuery(toolsQuery(client)).data?.find((tool) => tool.id === values.tool.trim());
  const schema = useQuery({ ...toolQuery(client, named?.id ?? ""), enabled: named !== undefined }).data?.input_schema;
  // Of resources that no row is for it is known, too: there is nothing else to say of reading.
  const fields = fieldsOf(schema ?? (itemOf(values.tool).kind === "resource" ? { properties: { uri: { type: "string" } } } : undefined));
  const better = named?.kind === "template" ? named.grant_as : undefined;
  const { condition, compose } = useCondition(values.tool, values.cel, toRules(values.lines, fields));

  const composed = async () => {
    const made = await compose();
    return made && bodyOf(form.getValues(), made.when, grant);
  };
  const save = useAction(async (over: Grant | undefined) => {
    const body = await composed();
    if (body === undefined) return;
    try {
      if (over) await unwrap(client.PUT("/api/v1/grants/{id}", { params: { path: { id: over.id } }, body: { ...body, version: over.version } }));
      else await unwrap(client.POST("/api/v1/grants", { body: { ...body, version: 0 } }));
    } catch (error) {
      const gone = over !== undefined && error instanceof ApiError && error.code === "not_found" && error.current === undefined;
      if (!(error instanceof ApiError) || (error.code !== "stale" && !gone)) throw error;
      setStale({ mine: body, now: isGrant(error.current) ? error.current : undefined });
      return;
    } finally {
      await Promise.all([keys.grants, keys.tools, keys.suggestions].map((key) => queries.invalidateQueries({ queryKey: [key] })));
    }
    onClose();
  });
  const proposed = async (): Promise<Change | undefined> => {
    if (form.validate().hasErrors) return undefined;
    const body = await composed();
    if (body === undefined) return undefined;
    return grant ? { edit: [{ id: grant.id, ...body, version: grant.version }] } : { add: [body] };
  };
  const broken = condition.state === "incomplete" || condition.state === "failed" || (condition.state === "checked" && condition.checked.problem != null);

  return (
    <Dialog onClose={onClose} title={grant ? t.editTitle : t.addTitle} size="xl" closeOnClickOutside={false} closeButtonProps={{ "aria-label": strings.close }}>
      <form noValidate onSubmit={form.onSubmit(() => void save.run(grant))} data-testid="grant-dialog">
        <Stack>
          {stale && (
            <Stale
              {...stale}
              pending={save.pending}
              onKeepEditing={() => {
                setGrant(stale.now);
                setStale(undefined);
              }}
              onTakeNow={() => {
                setGrant(stale.now);
                form.setValues(valuesOf({ grant: stale.now }));
                setStale(undefined);
              }}
              onOverwrite={() => {
                const over = stale.now;
                setGrant(over);
                setStale(undefined);
                void save.run(over);
              }}
            />
          )}
          {save.error && <Failure message={save.error.message} next={save.error.next} />}
          <div className="two-columns">
            <SubjectSelect
              label={t.subject}
              description={t.subjectHint}
              value={values.subject === "" ? undefined : values.subject}
              error={form.errors.subject}
              onChange={(subject) => form.setFieldValue("subject", subject ?? "")}
              testId="grant-subject"
            />
            <ToolInput label={t.tool} description={better ? strings.grants.grantAs(better) : (t.toolMeaning(values.tool.trim()) ?? t.toolHint)} value={values.tool} error={form.errors.tool} patterns onChange={(tool) => form.setFieldValue("tool", tool)} testId="grant-tool" />
          </div>
          <div>
            <Text size="sm" fw={500} mb={4}>
              {t.effect}
            </Text>
            <SegmentedControl
              aria-label={t.effect}
              value={values.effect}
              onChange={(value) => form.setFieldValue("effect", EFFECTS.find((effect) => effect === value) ?? "ask")}
              data={EFFECTS.map((value) => ({ value, label: t.effects[value] }))}
              data-testid="grant-effect"
            />
            <Text size="xs" c="dimmed" mt={4}>
              {t.effectMeaning[values.effect]}
            </Text>
          </div>
          <ConditionFields
            lines={values.lines}
            cel={values.cel}
            fields={fields}
            condition={condition}
            onLines={(lines) => form.setFieldValue("lines", lines)}
            onCel={(cel) => form.setFieldValue("cel", cel)}
          />
          <div className="two-columns">
            <ExpiryFields form={form} end={grant?.expires_at ?? undefined} />
            <Group gap="xs" align="end" wrap="nowrap">
              {values.rateUnit !== "" && <TextInput label={t.rate} inputMode="numeric" w={90} data-testid="grant-rate" {...form.getInputProps("rateCalls")} />}
              <NativeSelect label={values.rateUnit === "" ? t.rate : t.rateCalls} flex={1} data={UNITS.map((value) => ({ value, label: t.rateUnits[value] }))} {...form.getInputProps("rateUnit")} data-testid="grant-rate-unit" />
            </Group>
          </div>
          <SimulationPanel change={proposed} stamp={JSON.stringify(values)} />
          <Group justify="space-between" className="dialog-actions">
            {grant && onRemove ? (
              <Button variant="subtle" color="red" className="danger" onClick={() => onRemove(grant)} data-testid="grant-remove">
                {t.remove}
              </Button>
            ) : (
              <span />
            )}
            <Group>
              <Button variant="default" onClick={onClose}>
                {strings.cancel}
              </Button>
              <Button type="submit" loading={save.pending} disabled={broken || stale !== undefined} data-testid="grant-save">
                {grant ? t.save : t.add}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

function ExpiryFields({ form, end }: { form: Pick<UseFormReturnType<Values>, "values" | "getInputProps">; end: string | undefined }) {
  const choices: { value: Expiry; label: string }[] = [
    ...(end === undefined ? [] : [{ value: "keep" as const, label: t.expiry.keep(dayAndTime(end)) }]),
    { value: "never", label: t.expiry.never },
    { value: "7d", label: t.expiry.week },
    { value: "30d", label: t.expiry.month },
    { value: "date", label: t.expiry.date },
  ];
  return (
    <Group gap="xs" align="start" wrap="nowrap">
      <NativeSelect label={t.expires} flex={1} data={choices} {...form.getInputProps("expiry")} data-testid="grant-expiry" />
      {form.values.expiry === "date" && <TextInput type="datetime-local" label={t.date} flex={1} data-testid="grant-date" {...form.getInputProps("date")} />}
    </Group>
  );
}

function isGrant(value: unknown): value is Grant {
  return typeof value === "object" && value !== null && "id" in value && "effect" in value && "version" in value;
}

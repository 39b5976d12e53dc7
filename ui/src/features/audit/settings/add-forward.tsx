import { Button, NativeSelect, Stack, Switch, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import type { ForwardKind } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { Dialog } from "../../../components/dialog";
import { Failure } from "../../../components/states";
import { strings } from "../../../strings";

const t = strings.audit.forwards;
const KINDS: readonly ForwardKind[] = ["syslog", "json_lines", "otlp"];

export function AddForward({ onClose, onAdded }: { onClose: () => void; onAdded: () => void }) {
  const { client } = useGateway();
  const form = useForm<{ name: string; kind: ForwardKind; target: string; fromStart: boolean }>({
    initialValues: { name: "", kind: "syslog", target: "", fromStart: false },
    validate: {
      name: (value) => (value.trim() === "" ? t.nameMissing : null),
      target: (value) => (value.trim() === "" ? t.targetMissing : null),
    },
  });
  const { kind } = form.values;
  const add = useAction(async ({ name, target, fromStart }: typeof form.values) => {
    await unwrap(client.POST("/api/v1/audit/forwards", { body: { name: name.trim(), kind, target: target.trim(), from_start: fromStart } }));
    onAdded();
  });
  return (
    <Dialog onClose={onClose} title={t.addTitle} closeButtonProps={{ "aria-label": strings.close }}>
      <form noValidate onSubmit={form.onSubmit((values) => void add.run(values))}>
        <Stack>
          {add.error && <Failure message={add.error.message} next={add.error.next} />}
          <TextInput label={t.name} autoComplete="off" data-autofocus required data-testid="forward-name" {...form.getInputProps("name")} />
          <NativeSelect label={t.kind} data={KINDS.map((value) => ({ value, label: t.kinds[value] }))} data-testid="forward-kind" {...form.getInputProps("kind")} />
          <TextInput label={t.target} description={t.targetHints[kind]} placeholder={t.targetExamples[kind]} className="mono" autoComplete="off" spellCheck={false} required data-testid="forward-target" {...form.getInputProps("target")} />
          <Switch label={t.fromStart} description={t.fromStartHint} data-testid="forward-from-start" {...form.getInputProps("fromStart", { type: "checkbox" })} />
          <Button type="submit" loading={add.pending} data-testid="forward-submit">
            {t.submit}
          </Button>
        </Stack>
      </form>
    </Dialog>
  );
}

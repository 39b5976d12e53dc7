import { ActionIcon, Button, Checkbox, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Connection, Transport } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Icon } from "../../components/icons";
import { StaleNotice } from "../../components/stale-notice";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { Target } from "./target";

const t = strings.connections;

interface Values {
  url: string;
  argv: { id: number; text: string }[];
  /** Of a stored one, an empty value keeps it. */
  credentials: { id: number; name: string; value: string; stored: boolean; removed: boolean }[];
}

let lastId = 0;
const nextId = () => (lastId += 1);

/** How it is reached, and its secrets: replaced in place, never shown. Another command is shown whole before it is started. */
export function EditConnection({ connection: opened, onClose }: { connection: Connection; onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  // What was opened is what is edited; a change by somebody else is told when it is saved.
  const [connection, setConnection] = useState(opened);
  const [reviewing, setReviewing] = useState(false);
  const form = useForm<Values>({
    initialValues: valuesOf(connection),
    validate: {
      url: (value) => (connection.transport.kind === "stdio" || /^https?:\/\/./.test(value.trim()) ? null : t.urlInvalid),
      argv: { text: (value, _, path) => (connection.transport.kind === "stdio" && path === "argv.0.text" && value.trim() === "" ? t.programMissing : null) },
      credentials: {
        name: (value) => (value.trim() === "" ? t.credentialNameMissing : null),
        value: (value, values, path) => {
          const row = values.credentials[Number(path.split(".")[1])];
          if (value !== "" || row?.removed === true) return null;
          if (row?.stored !== true) return t.credentialValueMissing;
          return goesElsewhere(connection.transport, transportOf(connection, values)) ? t.typeAgain : null;
        },
      },
    },
  });
  const save = useAction(async (values: Values, version: number) => {
    const credentials = values.credentials.filter((row) => !row.removed).map(({ name, value, stored }) => ({ name: name.trim(), value: stored && value === "" ? null : value }));
    const body = { transport: transportOf(connection, values), credentials, version };
    await unwrap(client.PUT("/api/v1/connections/{name}", { params: { path: { name: connection.name } }, body }));
    await queries.invalidateQueries({ queryKey: [keys.connections] });
    return true;
  });
  const submit = async (version: number) => {
    const saved = await save.run(form.getValues(), version);
    if (saved) {
      form.reset();
      onClose();
    } else setReviewing(false);
  };
  const target = transportOf(connection, form.values);
  const stale = save.error?.code === "stale" ? (save.error.current as Connection | undefined) : undefined;
  const startsAnother = target.kind === "stdio" && JSON.stringify(target) !== JSON.stringify(connection.transport);

  return (
    <Dialog onClose={onClose} title={reviewing ? t.reviewTitle : t.editTitle(connection.name)} size="lg" closeButtonProps={{ "aria-label": strings.close }}>
      {reviewing ? (
        <Stack>
          <Text size="sm">{t.reviewStdio}</Text>
          <Target transport={target} />
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setReviewing(false)} disabled={save.pending}>
              {strings.back}
            </Button>
            <Button loading={save.pending} onClick={() => void submit(connection.version)} data-testid="edit-confirm">
              {t.confirmEdit}
            </Button>
          </Group>
        </Stack>
      ) : (
        <form noValidate onSubmit={form.onSubmit(() => (startsAnother ? setReviewing(true) : void submit(connection.version)))}>
          <Stack data-testid="edit-connection">
            {stale && (
              <StaleNotice
                rows={[
                  { name: t.target[target.kind], mine: text(target), theirs: text(stale.transport) },
                  { name: t.credentials, mine: form.values.credentials.filter((row) => !row.removed).map((row) => row.name).join(", "), theirs: stale.credentials.join(", ") },
                ]}
                pending={save.pending}
                onOverwrite={() => void submit(stale.version)}
                onTakeNow={() => {
                  setConnection(stale);
                  form.setValues(valuesOf(stale));
                  save.clear();
                }}
              />
            )}
            {save.error && !stale && <Failure message={save.error.message} next={save.error.next} />}
            {connection.transport.kind === "http" ? (
              <TextInput
                label={t.url}
                type="url"
                required
                readOnly={connection.sign_in != null}
                description={connection.sign_in == null ? undefined : t.urlStays}
                data-testid="edit-url"
                {...form.getInputProps("url")}
              />
            ) : (
              <fieldset className="rows">
                <legend>{t.command}</legend>
                {form.values.argv.map((argument, index) => (
                  <Group key={argument.id} gap="xs" align="start" wrap="nowrap">
                    <TextInput flex={1} aria-label={index === 0 ? t.program : t.argument(index)} className="mono" autoComplete="off" spellCheck={false} data-testid={`edit-arg-${index}`} {...form.getInputProps(`argv.${index}.text`)} />
                    <ActionIcon variant="subtle" color="gray" size="input-sm" aria-label={t.removeArgument(index)} disabled={index === 0} onClick={() => form.removeListItem("argv", index)}>
                      <Icon name="cross" />
                    </ActionIcon>
                  </Group>
                ))}
                <Button size="xs" variant="subtle" w="fit-content" leftSection={<Icon name="add" size={14} />} onClick={() => form.insertListItem("argv", { id: nextId(), text: "" })}>
                  {t.addArgument}
                </Button>
              </fieldset>
            )}
            <fieldset className="rows">
              <legend>{t.credentials}</legend>
              <Text size="xs" c="dimmed">
                {t.editCredentials}
              </Text>
              {form.values.credentials.map((row, index) => (
                <Group key={row.id} gap="xs" align="start" wrap="nowrap">
                  <TextInput flex={1} aria-label={t.credentialName(index + 1)} className="mono" readOnly={row.stored} disabled={row.removed} autoComplete="off" spellCheck={false} data-testid={`edit-credential-name-${index}`} {...form.getInputProps(`credentials.${index}.name`)} />
                  <PasswordInput flex={1} aria-label={t.credentialValue(index + 1)} placeholder={row.stored ? t.keptValue : t.value} disabled={row.removed} autoComplete="off" data-testid={`edit-credential-value-${index}`} {...form.getInputProps(`credentials.${index}.value`)} />
                  {row.stored ? (
                    <Checkbox mt={8} label={strings.remove} aria-label={t.removeCredential(index + 1)} data-testid={`edit-credential-remove-${index}`} {...form.getInputProps(`credentials.${index}.removed`, { type: "checkbox" })} />
                  ) : (
                    <ActionIcon variant="subtle" color="gray" size="input-sm" aria-label={t.removeCredential(index + 1)} onClick={() => form.removeListItem("credentials", index)}>
                      <Icon name="cross" />
                    </ActionIcon>
                  )}
                </Group>
              ))}
              <Button size="xs" variant="subtle" w="fit-content" leftSection={<Icon name="add" size={14} />} onClick={() => form.insertListItem("credentials", { id: nextId(), name: "", value: "", stored: false, removed: false })} data-testid="edit-credential-add">
                {t.addCredential}
              </Button>
            </fieldset>
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {strings.cancel}
              </Button>
              <Button type="submit" loading={save.pending} data-testid="edit-save">
                {startsAnother ? t.review : t.save}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}

function valuesOf({ transport, credentials }: Connection): Values {
  return {
    url: transport.kind === "http" ? transport.url : "",
    argv: transport.kind === "stdio" ? transport.argv.map((argument) => ({ id: nextId(), text: argument })) : [],
    credentials: credentials.map((name) => ({ id: nextId(), name, value: "", stored: true, removed: false })),
  };
}

function transportOf({ transport }: Connection, values: Values): Transport {
  if (transport.kind === "http") return { kind: "http", url: values.url.trim() };
  return { kind: "stdio", argv: values.argv.map((argument) => argument.text) };
}

/** As the gateway holds it: a stored secret stays with its command, or its host. */
function goesElsewhere(before: Transport, after: Transport): boolean {
  if (before.kind === "http" && after.kind === "http") return !URL.canParse(after.url) || new URL(before.url).origin !== new URL(after.url).origin;
  return JSON.stringify(before) !== JSON.stringify(after);
}

function text(transport: Transport): string {
  return transport.kind === "http" ? transport.url : transport.argv.join(" ");
}

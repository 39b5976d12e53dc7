import { ActionIcon, Button, Group, NativeSelect, PasswordInput, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { type UseFormReturnType, useForm } from "@mantine/form";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { NewConnection, Transport } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { type Entry, inputOf } from "./catalogue";
import { Target } from "./target";

const t = strings.connections;
const NAME = /^[a-z][a-z0-9-]{0,31}$/;

interface Values {
  name: string;
  kind: Transport["kind"];
  argv: ArgumentRow[];
  url: string;
  credentials: CredentialRow[];
  signIn: "none" | "team" | "user";
  clientId: string;
  clientSecret: string;
}

interface ArgumentRow {
  id: number;
  text: string;
  /** What an entry of the catalogue wants to be filled in. */
  wanted?: { label: string; example: string } | undefined;
}

interface CredentialRow {
  id: number;
  name: string;
  value: string;
  /** Of the catalogue's: what it is, and what goes before the value. */
  wanted?: { label: string; example: string; prefix: string; optional: boolean } | undefined;
}

let lastId = 0;
const nextId = () => (lastId += 1);

interface AddConnectionProps {
  /** Filled in from the catalogue. */
  entry?: Entry | undefined;
  onClose: () => void;
  onBack?: () => void;
  onAdded: (name: string) => void;
}

/** Two steps: fill in, then see exactly what will be started or called. */
export function AddConnection({ entry, onClose, onBack = onClose, onAdded }: AddConnectionProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  // Where there is nothing to fill in, what is left is to agree.
  const [reviewing, setReviewing] = useState(entry !== undefined && asksNothing(entry));
  const form = useForm<Values>({
    initialValues: entry === undefined ? EMPTY() : valuesOf(entry),
    validate: {
      name: (value) => (NAME.test(value) ? null : t.nameInvalid),
      url: (value, values) => (values.kind === "http" && !isHttpUrl(value) ? t.urlInvalid : null),
      argv: {
        text: (value, values, path) => {
          if (values.kind !== "stdio" || value.trim() !== "") return null;
          const index = Number(path.split(".")[1]);
          if (index === 0) return t.programMissing;
          return values.argv[index]?.wanted === undefined ? null : strings.catalogue.fillIn;
        },
      },
      clientId: (value, values) => (entry?.client === true && values.signIn !== "none" && value.trim() === "" ? strings.catalogue.clientMissing : null),
      credentials: {
        name: (value) => (value.trim() === "" ? t.credentialNameMissing : null),
        value: (value, values, path) => (value === "" && values.credentials[Number(path.split(".")[1])]?.wanted?.optional !== true ? t.credentialValueMissing : null),
      },
    },
  });
  const add = useAction(async (values: Values) => {
    const credentials = values.credentials.filter(isGiven).map(({ name, value, wanted }) => ({ name: name.trim(), value: withPrefix(value, wanted?.prefix ?? "") }));
    return (await unwrap(client.POST("/api/v1/connections", { body: { name: values.name, transport: transportOf(values), credentials, ...signInOf(values) } }))).name;
  });

  const submit = async () => {
    const values = form.getValues();
    const asked = add.run(values);
    form.setFieldValue("clientSecret", "");
    form.setFieldValue("credentials", values.credentials.map((credential) => ({ ...credential, value: "" })));
    const name = await asked;
    if (name === undefined) {
      setReviewing(false);
      return;
    }
    await queries.invalidateQueries({ queryKey: [keys.connections], exact: true });
    onAdded(name);
  };

  return (
    <Dialog onClose={onClose} title={reviewing ? t.reviewTitle : t.addTitle} size="lg" closeButtonProps={{ "aria-label": strings.close }}>
      {reviewing ? (
        <Stack>
          <Text size="sm">{form.values.kind === "stdio" ? (isOwnProgram(entry, form.values) ? strings.catalogue.builtIn : t.reviewStdio) : t.reviewHttp}</Text>
          <Target transport={transportOf(form.values)} />
          {form.values.credentials.some(isGiven) && (
            <Text size="sm">{t.reviewCredentials(form.values.credentials.filter(isGiven).map((credential) => credential.name.trim()))}</Text>
          )}
          {form.values.kind === "http" && form.values.signIn !== "none" && <Text size="sm">{t.reviewSignIn[form.values.signIn]}</Text>}
          {entry?.runtime !== undefined && (
            <Text size="sm" c="dimmed">
              {strings.catalogue.runtime[entry.runtime]}
            </Text>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setReviewing(false)} disabled={add.pending}>
              {strings.back}
            </Button>
            <Button loading={add.pending} onClick={() => void submit()} data-autofocus data-testid="connection-confirm">
              {form.values.kind === "stdio" ? t.confirmStdio : t.confirmHttp}
            </Button>
          </Group>
        </Stack>
      ) : (
        <form noValidate onSubmit={form.onSubmit(() => setReviewing(true))}>
          <Stack>
            {entry !== undefined && (
              <Text size="sm" c="dimmed">
                {entry.text} {entry.home !== undefined && strings.catalogue.home(entry.publisher, entry.home)}
              </Text>
            )}
            {add.error && (
              <Failure message={add.error.message} next={form.values.credentials.length > 0 ? `${add.error.next} ${t.retypeCredentials}` : add.error.next} />
            )}
            <TextInput
              label={t.name}
              description={t.nameHint}
              autoComplete="off"
              data-autofocus
              required
              data-testid="connection-name"
              {...form.getInputProps("name")}
            />
            <SegmentedControl
              aria-label={t.kind}
              data={[
                { value: "stdio", label: t.stdio },
                { value: "http", label: t.http },
              ]}
              {...form.getInputProps("kind")}
            />
            {form.values.kind === "stdio" ? (
              <ArgumentRows form={form} />
            ) : (
              <TextInput label={t.url} placeholder="https://" type="url" required data-testid="connection-url" {...form.getInputProps("url")} />
            )}
            {form.values.kind === "http" && <SignInFields form={form} />}
            <CredentialRows form={form} />
            <Group justify="flex-end">
              <Button variant="default" onClick={onBack}>
                {onBack === onClose ? strings.cancel : strings.back}
              </Button>
              <Button type="submit" data-testid="connection-review">
                {t.review}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}

type Form = UseFormReturnType<Values>;

function ArgumentRows({ form }: { form: Form }) {
  return (
    <fieldset className="rows">
      <legend>{t.command}</legend>
      <Text size="xs" c="dimmed">
        {t.commandHint}
      </Text>
      {form.values.argv.map((argument, index) => (
        <Group key={argument.id} gap="xs" align="start" wrap="nowrap">
          <TextInput
            flex={1}
            aria-label={argument.wanted === undefined ? labelOf(index) : undefined}
            label={argument.wanted?.label}
            placeholder={argument.wanted?.example ?? labelOf(index)}
            required={argument.wanted !== undefined}
            className="mono"
            autoComplete="off"
            spellCheck={false}
            data-testid={`connection-arg-${index}`}
            {...form.getInputProps(`argv.${index}.text`)}
          />
          <RemoveRow label={t.removeArgument(index)} hidden={index === 0} onClick={() => form.removeListItem("argv", index)} />
        </Group>
      ))}
      <Button
        size="xs"
        variant="subtle"
        w="fit-content"
        leftSection={<Icon name="add" size={14} />}
        onClick={() => form.insertListItem("argv", { id: nextId(), text: "" })}
        data-testid="connection-arg-add"
      >
        {t.addArgument}
      </Button>
    </fieldset>
  );
}

function SignInFields({ form }: { form: Form }) {
  return (
    <>
      <NativeSelect
        label={t.signIn}
        description={t.signInHint}
        data={(["none", "team", "user"] as const).map((value) => ({ value, label: t.signInChoices[value] }))}
        data-testid="connection-sign-in"
        {...form.getInputProps("signIn")}
      />
      {form.values.signIn !== "none" && (
        <>
          <TextInput label={t.clientId} description={t.clientIdHint} autoComplete="off" spellCheck={false} data-testid="connection-client-id" {...form.getInputProps("clientId")} />
          {form.values.clientId.trim() !== "" && (
            <PasswordInput label={t.clientSecret} autoComplete="off" data-testid="connection-client-secret" {...form.getInputProps("clientSecret")} />
          )}
        </>
      )}
    </>
  );
}

function CredentialRows({ form }: { form: Form }) {
  return (
    <fieldset className="rows">
      <legend>{t.credentials}</legend>
      <Text size="xs" c="dimmed">
        {form.values.kind === "stdio" ? t.credentialsStdio : t.credentialsHttp}
      </Text>
      {form.values.credentials.map((credential, index) => (
        <Group key={credential.id} gap="xs" align="start" wrap="nowrap">
          <TextInput
            flex={1}
            label={credential.wanted === undefined ? undefined : strings.catalogue.secretName}
            readOnly={credential.wanted !== undefined}
            aria-label={t.credentialName(index + 1)}
            placeholder={form.values.kind === "stdio" ? "API_TOKEN" : "Authorization"}
            className="mono"
            autoComplete="off"
            spellCheck={false}
            data-testid={`connection-credential-name-${index}`}
            {...form.getInputProps(`credentials.${index}.name`)}
          />
          <PasswordInput
            flex={1}
            label={credential.wanted && (credential.wanted.optional ? strings.catalogue.optional(credential.wanted.label) : credential.wanted.label)}
            aria-label={t.credentialValue(index + 1)}
            placeholder={credential.wanted?.example ?? t.value}
            autoComplete="off"
            data-testid={`connection-credential-value-${index}`}
            {...form.getInputProps(`credentials.${index}.value`)}
          />
          <RemoveRow label={t.removeCredential(index + 1)} onClick={() => form.removeListItem("credentials", index)} />
        </Group>
      ))}
      <Button
        size="xs"
        variant="subtle"
        w="fit-content"
        leftSection={<Icon name="add" size={14} />}
        onClick={() => form.insertListItem("credentials", { id: nextId(), name: "", value: "" })}
        data-testid="connection-credential-add"
      >
        {t.addCredential}
      </Button>
    </fieldset>
  );
}

function RemoveRow({ label, hidden = false, onClick }: { label: string; hidden?: boolean; onClick: () => void }) {
  return (
    <ActionIcon variant="subtle" color="gray" size="input-sm" aria-label={label} onClick={onClick} style={hidden ? { visibility: "hidden" } : {}}>
      <Icon name="cross" />
    </ActionIcon>
  );
}

function labelOf(index: number): string {
  return index === 0 ? t.program : t.argument(index);
}

const EMPTY = (): Values => ({ name: "", kind: "stdio", argv: [{ id: nextId(), text: "" }], url: "", credentials: [], signIn: "none", clientId: "", clientSecret: "" });

/** What the catalogue knows of it; the rest is the person's to fill in. */
function valuesOf(entry: Entry): Values {
  const argv = (entry.argv ?? [""]).map((argument) => {
    const input = inputOf(argument);
    return input === undefined ? { id: nextId(), text: argument } : { id: nextId(), text: "", wanted: entry.inputs?.[input] };
  });
  const credentials = (entry.secrets ?? []).map(({ name, label, example, prefix = "", optional = false }) => ({ id: nextId(), name, value: "", wanted: { label, example, prefix, optional } }));
  return { ...EMPTY(), name: entry.id, kind: entry.url === undefined ? "stdio" : "http", argv, url: entry.url ?? "", credentials, signIn: entry.signIn ? "user" : "none" };
}

/** As long as nobody has changed the command. */
function isOwnProgram(entry: Entry | undefined, values: Values): boolean {
  return entry?.builtIn === true && JSON.stringify(entry.argv) === JSON.stringify(values.argv.map((argument) => argument.text));
}

function asksNothing(entry: Entry): boolean {
  return entry.inputs === undefined && entry.secrets === undefined && entry.signIn !== true;
}

/** What is optional and was left empty is not sent. */
function isGiven(row: CredentialRow): boolean {
  return row.value !== "" || row.wanted?.optional !== true;
}

/** People paste a token with or without the word before it. */
function withPrefix(value: string, prefix: string): string {
  return value.toLowerCase().startsWith(prefix.toLowerCase()) ? value : prefix + value.trim();
}

function transportOf(values: Values): Transport {
  if (values.kind === "http") return { kind: "http", url: values.url.trim() };
  return { kind: "stdio", argv: values.argv.map((argument) => argument.text) };
}

/** Nothing where nobody signs in; the secret goes with a client id only. */
function signInOf({ kind, signIn, clientId, clientSecret }: Values): Pick<NewConnection, "sign_in"> {
  if (kind !== "http" || signIn === "none") return {};
  const id = clientId.trim();
  if (id === "") return { sign_in: { kind: signIn } };
  return { sign_in: { kind: signIn, client_id: id, ...(clientSecret === "" ? {} : { client_secret: clientSecret }) } };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text.trim()) && ["http:", "https:"].includes(new URL(text.trim()).protocol);
}

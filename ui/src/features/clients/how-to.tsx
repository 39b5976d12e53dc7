import { Button, Group, NativeSelect, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { authorityQuery, sharingQuery, statusQuery } from "../../api/queries";
import { useRole } from "../../api/use-role";
import { CopyLine } from "../../components/copy-line";
import { Icon } from "../../components/icons";
import { SecretOnce } from "../../components/secret-once";
import { strings } from "../../strings";
import { OnlyHere } from "./reach";
import { type Snippet, SNIPPETS, snippetOf } from "./snippets";
import "./clients.css";

const t = strings.clients.howTo;
const file = strings.sharing.authorityFile;

interface HowToProps {
  token: string;
  client?: string;
  /** Where other machines are let in. */
  sharingHref?: string | undefined;
}

/** A token, this one time, and how a program is given it, on whichever machine it runs. */
export function HowTo({ token, client: first = SNIPPETS[0].id, sharingHref }: HowToProps) {
  const { here, there } = useAddresses();
  const [chosen, setChosen] = useState(first);
  const [where, setWhere] = useState<"here" | "there">("here");
  const snippet = snippetOf(chosen);
  const url = where === "there" ? there : here;
  const endpoint = url == null ? undefined : `${url}/mcp`;
  return (
    <Stack gap="xs" data-testid="how-to">
      <Text size="sm">{t.once}</Text>
      <SecretOnce secret={token} label={t.token} copy={strings.copy} copied={strings.copied} copyFailed={strings.copyFailed} testId="token" />
      {here !== undefined && (
        <>
          <Group align="end">
            <ClientSelect value={chosen} onChange={setChosen} testId="how-to-client" />
            {there !== undefined && (
              <NativeSelect label={t.where} w="fit-content" data={WHERES} value={where} onChange={({ currentTarget }) => setWhere(currentTarget.value === "there" ? "there" : "here")} data-testid="how-to-where" />
            )}
          </Group>
          {endpoint === undefined ? <OnlyHere text={t.onlyHere} sharingHref={sharingHref} /> : <Lines snippet={snippet} endpoint={endpoint} token={token} />}
        </>
      )}
    </Stack>
  );
}

function Lines({ snippet, endpoint, token }: { snippet: Snippet; endpoint: string; token: string }) {
  const run = snippet.file === undefined ? t.run : t.file(snippet.file);
  const label = snippet.bridge ? t.orBridge(snippet.file ?? "") : run;
  return (
    <>
      {snippet.bridge && (
        <>
          <Text size="sm">{t.extension}</Text>
          <CopyLine text={endpoint} label={t.address} testId="client-address" />
        </>
      )}
      {snippet.before && (
        <>
          <Text size="sm">{t.envFirst}</Text>
          <CopyLine text={snippet.before(token)} label={t.run} testId="client-before" />
        </>
      )}
      <Text size="sm">{label}</Text>
      <CopyLine text={snippet.text(endpoint, token)} label={label} testId="client-snippet" />
      {endpoint.startsWith("https:") && <Trust />}
    </>
  );
}

const WHERES = (["here", "there"] as const).map((value) => ({ value, label: t.wheres[value] }));

/** By which this page is reached, as the gateway says; and another for other machines: null where there is none, undefined where it is the same or not known. */
export function useAddresses(): { here: string | undefined; there: string | null | undefined } {
  const { client } = useGateway();
  const here = useQuery(statusQuery(client)).data?.url;
  // Not a member's to see; whoever is on another machine has its address.
  const local = here !== undefined && !here.startsWith("https:");
  const sharing = useQuery({ ...sharingQuery(client), enabled: useRole() !== "member" && local }).data;
  const there = sharing === undefined || !local ? undefined : sharing.state === "listening" ? (sharing.url ?? null) : null;
  return { here, there };
}

export function ClientSelect({ value, onChange, testId }: { value: string; onChange: (client: string) => void; testId: string }) {
  return <NativeSelect label={t.client} w="fit-content" data={SNIPPETS.map(({ id, title }) => ({ value: id, label: title }))} value={value} onChange={(event) => onChange(event.currentTarget.value)} data-testid={testId} />;
}

/** Where the certificate is of the gateway's own authority, which no machine knows by itself. */
export function Trust() {
  const { client, host } = useGateway();
  const authority = useQuery(authorityQuery(client)).data;
  if (authority?.in_use !== true) return null;
  return (
    <>
      <Text size="sm">{t.trust}</Text>
      {host.shell ? (
        <Text size="sm">{t.trustWhere}</Text>
      ) : (
        <Button component="a" href={`data:application/x-x509-ca-cert,${encodeURIComponent(authority.pem)}`} download={file} size="xs" variant="default" w="fit-content" leftSection={<Icon name="download" size={14} />}>
          {t.trustFile}
        </Button>
      )}
      <CopyLine text={authority.fingerprint} label={t.fingerprint} testId="connect-fingerprint" />
      <Text size="sm">{t.trustNode}</Text>
      <CopyLine text={strings.sharing.nodeLine(file)} label={t.trustNode} testId="connect-trust" />
    </>
  );
}

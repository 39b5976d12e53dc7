import { Button, NativeSelect, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { authorityQuery, statusQuery } from "../../api/queries";
import { CopyLine } from "../../components/copy-line";
import { Icon } from "../../components/icons";
import { SecretOnce } from "../../components/secret-once";
import { strings } from "../../strings";
import { SNIPPETS, snippetOf } from "./snippets";
import "./clients.css";

const t = strings.clients.howTo;
const file = strings.sharing.authorityFile;

/** A token, this one time, and how a program is given it, on whichever machine it runs. */
export function HowTo({ token, client: first = SNIPPETS[0].id }: { token: string; client?: string }) {
  const { client } = useGateway();
  // The address by which this page is reached, as the gateway says.
  const url = useQuery(statusQuery(client)).data?.url;
  const [chosen, setChosen] = useState(first);
  const snippet = snippetOf(chosen);
  const where = snippet.file === undefined ? t.run : t.file(snippet.file);
  const endpoint = `${url}/mcp`;
  return (
    <Stack gap="xs" data-testid="how-to">
      <Text size="sm">{t.once}</Text>
      <SecretOnce secret={token} label={t.token} copy={strings.copy} copied={strings.copied} copyFailed={strings.copyFailed} testId="token" />
      {url !== undefined && (
        <>
          <ClientSelect value={chosen} onChange={setChosen} testId="how-to-client" />
          {snippet.bridge && <Text size="sm">{t.bridgeFirst}</Text>}
          {snippet.before && (
            <>
              <Text size="sm">{t.envFirst}</Text>
              <CopyLine text={snippet.before(token)} label={t.run} testId="client-before" />
            </>
          )}
          <Text size="sm">{where}</Text>
          <CopyLine text={snippet.text(endpoint, token)} label={where} testId="client-snippet" />
          {url.startsWith("https:") && <Trust />}
        </>
      )}
    </Stack>
  );
}

export function ClientSelect({ value, onChange, testId }: { value: string; onChange: (client: string) => void; testId: string }) {
  return <NativeSelect label={t.client} w="fit-content" data={SNIPPETS.map(({ id, title }) => ({ value: id, label: title }))} value={value} onChange={(event) => onChange(event.currentTarget.value)} data-testid={testId} />;
}

/** Where the certificate is of the gateway's own authority, which no machine knows by itself. */
function Trust() {
  const { client } = useGateway();
  const authority = useQuery(authorityQuery(client)).data;
  if (authority?.in_use !== true) return null;
  return (
    <>
      <Text size="sm">{t.trust}</Text>
      <Button component="a" href="/ca.crt" download={file} size="xs" variant="default" w="fit-content" leftSection={<Icon name="download" size={14} />}>
        {t.trustFile}
      </Button>
      <CopyLine text={authority.fingerprint} label={t.fingerprint} testId="connect-fingerprint" />
      <Text size="sm">{t.trustNode}</Text>
      <CopyLine text={strings.sharing.nodeLine(file)} label={t.trustNode} testId="connect-trust" />
    </>
  );
}

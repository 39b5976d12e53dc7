import { Button, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { authorityQuery, statusQuery } from "../../api/queries";
import { CopyLine } from "../../components/copy-line";
import { Icon } from "../../components/icons";
import { strings } from "../../strings";

const t = strings.invites.connect;
const file = strings.sharing.authorityFile;

/** How a program of this person is pointed here, on whichever machine it runs. */
export function ConnectHint({ token }: { token: string }) {
  const { client } = useGateway();
  const url = useQuery(statusQuery(client)).data?.url;
  const authority = useQuery(authorityQuery(client)).data;
  if (url === undefined) return null;
  const endpoint = `${url}/mcp`;
  const entry = { mcpServers: { gateway: { type: "http", url: endpoint, headers: { Authorization: `Bearer ${token}` } } } };
  return (
    <Stack gap="xs" data-testid="connect-hint">
      <p className="note dim">{t.address}</p>
      <CopyLine text={endpoint} label={t.address} testId="connect-url" />
      <p className="note dim">{t.claudeCode}</p>
      <CopyLine text={t.claudeLine(endpoint, token)} label={t.claudeCode} testId="connect-claude" />
      <p className="note dim">{t.other}</p>
      <CopyLine text={JSON.stringify(entry)} label={t.other} testId="connect-json" />
      {authority?.in_use === true && endpoint.startsWith("https:") && (
        <>
          <p className="note dim">{t.trust}</p>
          <Button component="a" href="/ca.crt" download={file} size="xs" variant="default" w="fit-content" leftSection={<Icon name="download" size={14} />}>
            {t.trustFile}
          </Button>
          <CopyLine text={authority.fingerprint} label={t.fingerprint} testId="connect-fingerprint" />
          <CopyLine text={strings.sharing.nodeLine(file)} label={t.trustNode} testId="connect-trust" />
        </>
      )}
    </Stack>
  );
}

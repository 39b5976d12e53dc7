import { Button, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { authorityQuery } from "../../api/queries";
import { useAction } from "../../api/use-action";
import { CopyLine } from "../../components/copy-line";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import { strings } from "../../strings";

const t = strings.sharing;
const look = { size: "xs", variant: "default", w: "fit-content", leftSection: <Icon name="download" size={14} /> } as const;

/** What other machines are told to trust, once it was made. */
export function AuthorityPart() {
  const { client, host } = useGateway();
  const shell = host.shell?.clients;
  const [saved, setSaved] = useState<string>();
  // The web view of the app cannot download.
  const save = useAction(async () => setSaved((await shell?.saveAuthority())?.file));
  const authority = useQuery(authorityQuery(client)).data;
  if (!authority) return null;
  return (
    <section className="panel padded settings-part" aria-labelledby="sharing-authority">
      <h2 id="sharing-authority">{t.authority}</h2>
      <p className="note dim">{t.authorityText}</p>
      <dl className="facts">
        <dt>{t.fingerprint}</dt>
        <dd>
          <code data-testid="authority-fingerprint">{authority.fingerprint}</code>
        </dd>
        <dt>{t.expires}</dt>
        <dd>
          <time dateTime={authority.expires_at}>{authority.expires_at.slice(0, 10)}</time>
        </dd>
      </dl>
      {shell ? (
        <>
          {save.error && <Failure message={save.error.message} next={save.error.next} />}
          <Button {...look} loading={save.pending} onClick={() => void save.run()} data-testid="authority-download">
            {t.download}
          </Button>
          <p className="note" role="status">
            {saved !== undefined && t.downloaded(saved)}
          </p>
        </>
      ) : (
        <Button {...look} component="a" href={`data:application/x-x509-ca-cert,${encodeURIComponent(authority.pem)}`} download={t.authorityFile} data-testid="authority-download">
          {t.download}
        </Button>
      )}
      <h3>{t.trust}</h3>
      <Stack gap="xs">
        <CopyLine text={t.nodeLine(t.authorityFile)} label={t.trustNode} testId="trust-node" />
        <CopyLine text={t.pythonLine(t.authorityFile)} label={t.trustPython} testId="trust-python" />
        <p className="note dim">{t.trustMachine}</p>
      </Stack>
    </section>
  );
}

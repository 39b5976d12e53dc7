import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { asApiError } from "../../api/error";
import { keys } from "../../api/queries";
import type { ShellClients } from "../../api/types";
import { CopyLine } from "../../components/copy-line";
import { Dialog } from "../../components/dialog";
import { Icon } from "../../components/icons";
import { Failure, Loading } from "../../components/states";
import { strings } from "../../strings";
import { OnlyHere } from "./reach";

const t = strings.clients;
/** Those that can be told to take no other servers. */
const MANAGED = ["claude-code", "vscode"] as const;
type Managed = (typeof MANAGED)[number];

/** For whoever manages machines: settings that leave no other way. */
export function ManagedSettings({ shell, sharingHref }: { shell: ShellClients; sharingHref: string }) {
  const [opened, setOpened] = useState<Managed>();
  return (
    <section className="panel client-row" aria-label={t.managedTitle}>
      <span className="client-tile" aria-hidden="true">
        <Icon name="lock" />
      </span>
      <div className="client-what">
        <strong>{t.managedTitle}</strong>
        <p className="dim small">{t.managedText}</p>
      </div>
      <Group gap={6} className="client-actions">
        {MANAGED.map((client) => (
          <Button key={client} size="xs" variant="default" onClick={() => setOpened(client)} data-testid={`managed-${client}`}>
            {t.managedShow[client]}
          </Button>
        ))}
      </Group>
      {opened && <Files shell={shell} client={opened} sharingHref={sharingHref} onClose={() => setOpened(undefined)} />}
    </section>
  );
}

function Files({ shell, client, sharingHref, onClose }: { shell: ShellClients; client: Managed; sharingHref: string; onClose: () => void }) {
  const managed = useQuery({ queryKey: [keys.clients, "managed", client], queryFn: () => shell.managed(client), staleTime: 0, gcTime: 0 });
  const error = managed.isError ? asApiError(managed.error) : undefined;
  return (
    <Dialog onClose={onClose} title={t.managedOf[client]} size="xl" closeButtonProps={{ "aria-label": strings.close }}>
      <Stack>
        {managed.isPending && <Loading label={strings.loading} />}
        {error && <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void managed.refetch() }} />}
        {managed.data?.shared === false && <OnlyHere text={t.notShared(managed.data.address)} sharingHref={sharingHref} />}
        {managed.data?.files.map((file) => (
          <section key={file.name} aria-label={file.name} className="managed-file">
            <h3 className="mono">{file.name}</h3>
            <Text size="sm">{file.why}</Text>
            <CopyLine text={file.content.trimEnd()} label={file.name} testId={`managed-file-${file.name}`} />
            <div className="small dim">
              {t.managedGoes}
              <ul>
                {file.places.map((place) => (
                  <li key={place}>{place}</li>
                ))}
              </ul>
            </div>
          </section>
        ))}
        <Group justify="flex-end">
          <Button onClick={onClose} data-autofocus>
            {t.done}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

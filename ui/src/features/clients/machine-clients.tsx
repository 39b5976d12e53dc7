import { Button, Group } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { asApiError } from "../../api/error";
import { keys } from "../../api/queries";
import { Empty, Failure, Loading } from "../../components/states";
import type { FoundClient, ShellClients } from "../../api/types";
import { strings } from "../../strings";
import { Findings } from "./findings";
import { ImportDialog } from "./import-dialog";
import { StateMark } from "./state-mark";
import { UnwireDialog, WireDialog } from "./wire-dialog";

const t = strings.clients;

type Opened = { what: "wire" | "unwire" | "import"; client: FoundClient };

interface MachineClientsProps {
  shell: ShellClients;
  user: string;
  permissionsHref: string | undefined;
}

/** The clients that the app found, and what can be done with each. */
export function MachineClients({ shell, user, permissionsHref }: MachineClientsProps) {
  const queries = useQueryClient();
  const found = useQuery({ queryKey: [keys.clients], queryFn: () => shell.list() });
  const [opened, setOpened] = useState<Opened>();

  if (found.isPending) return <Loading label={strings.loading} />;
  if (found.data === undefined) {
    const error = asApiError(found.error);
    return <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void found.refetch() }} />;
  }
  const here = found.data.filter((client) => client.state !== "absent");
  const absent = found.data.filter((client) => client.state === "absent");
  const changed = () => {
    for (const key of [keys.clients, keys.agents, keys.users, keys.connections]) void queries.invalidateQueries({ queryKey: [key] });
  };
  const dialog = opened && { shell, client: opened.client, user, permissionsHref, onClose: () => setOpened(undefined), onDone: changed };

  return (
    <div className="clients" data-testid="machine-clients">
      {here.length === 0 && <Empty icon="plug" title={t.noneTitle} text={t.noneText} />}
      {here.length > 0 && (
        <ul className="items">
          {here.map((client) => (
            <Row key={client.client} client={client} onOpen={(what) => setOpened({ what, client })} />
          ))}
        </ul>
      )}
      <div className="clients-foot">
        <p className="dim small">{absent.length > 0 && here.length > 0 && t.absentHere(absent.map((client) => client.title))}</p>
        <Button size="compact-xs" variant="subtle" loading={found.isFetching} onClick={() => void found.refetch()} data-testid="clients-again">
          {t.lookAgain}
        </Button>
      </div>
      {opened?.what === "wire" && dialog && <WireDialog {...dialog} />}
      {opened?.what === "unwire" && dialog && <UnwireDialog {...dialog} />}
      {opened?.what === "import" && dialog && <ImportDialog {...dialog} />}
    </div>
  );
}

function Row({ client, onOpen }: { client: FoundClient; onOpen: (what: Opened["what"]) => void }) {
  const mayWire = client.state === "found" || client.state === "elsewhere";
  return (
    <li className="panel client-row" data-testid={`client-${client.client}`}>
      <span className="client-tile" aria-hidden="true">
        {initials(client.title)}
      </span>
      <div className="client-what">
        <div className="client-name">
          <strong>{client.title}</strong>
          <StateMark client={client} />
          {client.agent && <span className="dim small">{t.callsAs(`${client.agent.user}/${client.agent.name}`)}</span>}
        </div>
        <code className="dim small client-file" title={client.file}>
          {client.file}
        </code>
        <Findings client={client} />
      </div>
      <Group gap={6} className="client-actions">
        {client.servers > 0 && client.state !== "malformed" && (
          <Button size="xs" variant="default" onClick={() => onOpen("import")} aria-label={t.importNamed(client.title)} data-testid={`client-import-${client.client}`}>
            {t.importServers(client.servers)}
          </Button>
        )}
        {(client.state === "wired" || client.undo) && client.state !== "malformed" && (
          <Button size="xs" variant="default" onClick={() => onOpen("unwire")} aria-label={t.undoNamed(client.title)} data-testid={`client-unwire-${client.client}`}>
            {t.undo}
          </Button>
        )}
        {mayWire && (
          <Button size="xs" onClick={() => onOpen("wire")} aria-label={t.connectNamed(client.title)} data-testid={`client-wire-${client.client}`}>
            {t.connect}
          </Button>
        )}
      </Group>
    </li>
  );
}

/** `CD` of Claude Desktop, `Cu` of Cursor. */
function initials(title: string): string {
  const [first = "", second] = title.split(" ");
  return second === undefined ? first.slice(0, 2) : first.charAt(0) + second.charAt(0);
}

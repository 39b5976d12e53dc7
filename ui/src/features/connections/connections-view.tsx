import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { connectionsQuery } from "../../api/queries";
import type { Transport } from "../../api/types";
import { useIsAdmin } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { Mark } from "../../components/mark";
import { capitalized, Empty, Unread } from "../../components/states";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { Accounts } from "./accounts";
import { AddDialog } from "./add-dialog";
import { ConnectionPanel } from "./connection-panel";
import { HealthMark } from "./health-mark";
import type { ToolSlots } from "./slots";
import "./connections.css";

const t = strings.connections;

interface ConnectionsViewProps extends ToolSlots {
  open: string | undefined;
  onOpen: (name: string | undefined) => void;
  /** Whether the dialog is open that adds one. */
  adding: boolean;
  onAdding: (adding: boolean) => void;
}

/** What a member has of connections: their own accounts with them. */
export function OwnAccounts() {
  return (
    <>
      <div className="page-head">
        <h1>{strings.accounts.ownTitle}</h1>
      </div>
      <Text size="sm" c="dimmed" mb="sm">
        {strings.accounts.ownText}
      </Text>
      <Accounts />
    </>
  );
}

export function ConnectionsView({ open, onOpen, adding, onAdding, ...slots }: ConnectionsViewProps) {
  const { client } = useGateway();
  const connections = useQuery(connectionsQuery(client));
  const state = useServiceState();
  const mayChange = useIsAdmin();
  const add = (
    <Button
      size="xs"
      leftSection={<Icon name="add" size={14} />}
      onClick={() => onAdding(true)}
      disabled={state === "sealed" || state === "stopped"}
      data-testid="connection-add"
    >
      {t.add}
    </Button>
  );

  return (
    <>
      <div className="page-head">
        <h1>{t.title}</h1>
        {mayChange ? add : <span className="dim small">{t.readOnly}</span>}
      </div>
      <Unread of={connections} />
      {connections.data?.length === 0 && <Empty icon="plug" title={t.emptyTitle} text={t.emptyText} />}
      <ul className="items">
        {connections.data?.map((connection) => (
          <li key={connection.id} className="panel" data-testid={`connection-${connection.name}`} data-health={connection.health}>
            <h2 className="item-heading">
              <button
                type="button"
                className="item-head"
                aria-expanded={open === connection.name}
                onClick={() => onOpen(open === connection.name ? undefined : connection.name)}
              >
                <span className="item-name">{connection.name}</span>
                <HealthMark health={connection.health} />
                {connection.paused && <Mark tone="wait" icon="pause" label={strings.pausing.paused} />}
                <span className="dim item-what">
                  <UntrustedText text={summary(connection.transport)} />
                </span>
                <span className="dim">{t.offers(connection.tools, connection.prompts, connection.resources)}</span>
                {connection.refused_tools.length > 0 && <Mark tone="wait" icon="alert" label={t.refusedCount(connection.refused_tools.length)} />}
                <span className="item-turn" data-open={open === connection.name}>
                  <Icon name="down" />
                </span>
              </button>
            </h2>
            {connection.problem != null && (
              <Text size="sm" className="problem" data-tone={connection.health === "failed" ? "deny" : "wait"}>
                <UntrustedText text={capitalized(connection.problem)} />
              </Text>
            )}
            {open === connection.name && <ConnectionPanel {...slots} name={connection.name} onGone={() => onOpen(undefined)} />}
          </li>
        ))}
      </ul>
      {adding && mayChange && <AddDialog onClose={() => onAdding(false)} onAdded={onOpen} />}
    </>
  );
}

function summary(transport: Transport): string {
  return transport.kind === "http" ? transport.url : transport.argv.join(" ");
}

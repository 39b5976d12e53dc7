import { Button } from "@mantine/core";

import { useState } from "react";

import type { Agent } from "../../api/types";
import { Mark } from "../../components/mark";
import { dayAndTime, isPast } from "../../components/time";
import { strings } from "../../strings";

const t = strings.people;

interface AgentTableProps {
  agents: readonly Agent[];
  grantsHref: (subject: string) => string;
  disabled: boolean;
  onRevoke: (agent: Agent) => void;
}

export function AgentTable({ agents, grantsHref, disabled, onRevoke }: AgentTableProps) {
  const [now] = useState(() => Date.now());
  return (
    <table className="plain-table">
      <thead>
        <tr>
          <th scope="col">{t.name}</th>
          <th scope="col">{t.scope}</th>
          <th scope="col">{t.expires}</th>
          <th scope="col">{t.lastUsed}</th>
          <th scope="col" className="number">
            {t.uses}
          </th>
          <th scope="col" aria-label={t.actions} />
        </tr>
      </thead>
      <tbody>
        {agents.map((agent) => (
          <tr key={agent.id} data-testid={`agent-${agent.user}-${agent.name}`}>
            <th scope="row">{agent.name}</th>
            <td>{agent.scope.length === 0 ? <span className="dim">{t.fullScope}</span> : <code>{agent.scope.join(" ")}</code>}</td>
            <td>
              <Expiry at={agent.expires_at ?? undefined} now={now} />
            </td>
            <td className="dim">{agent.last_used_at == null ? t.never : dayAndTime(agent.last_used_at)}</td>
            <td className="number">{agent.uses}</td>
            <td className="end">
              <a href={grantsHref(`${agent.user}/${agent.name}`)}>{t.grants}</a>{" "}
              <Button size="compact-xs" variant="subtle" color="red" className="danger" disabled={disabled} onClick={() => onRevoke(agent)} aria-label={t.revokeNamed(agent.name)}>
                {t.revoke}
              </Button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Expiry({ at, now }: { at: string | undefined; now: number }) {
  if (at === undefined) return <span className="dim">{t.noExpiry}</span>;
  return isPast(at, now) ? <Mark tone="deny" icon="cross" label={t.expired} /> : <span>{dayAndTime(at)}</span>;
}

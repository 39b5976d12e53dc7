import { Button } from "@mantine/core";
import { useState } from "react";

import type { Agent } from "../../api/types";
import { usePause } from "../../api/use-pause";
import { Mark } from "../../components/mark";
import { PauseButton } from "../../components/pause-button";
import { dayAndTime, isPast } from "../../components/time";
import { Ago, WhenInList } from "../../components/when";
import { strings } from "../../strings";
import "./people.css";

const t = strings.people;
const MOST_PATTERNS = 6;

interface AgentTableProps {
  agents: readonly Agent[];
  /** Says whose they are, where it is not plain. */
  owners?: boolean;
  grantsHref: (subject: string) => string;
  disabled: boolean;
  /** Their own, or anybody's for an admin. */
  mayEdit: boolean;
  mayPause: boolean;
  onEdit: (agent: Agent) => void;
  onRevoke: (agent: Agent) => void;
}

export function AgentTable({ agents, ...rest }: AgentTableProps) {
  const [now] = useState(() => Date.now());
  return (
    <div className="table-scroll">
      <table className="plain-table agent-table">
        <thead>
          <tr>
            <th scope="col">{t.name}</th>
            <th scope="col">{t.scope}</th>
            <th scope="col">{t.expires}</th>
            <th scope="col">{t.lastUsed}</th>
            <th scope="col" className="number">
              {t.uses}
            </th>
            <th scope="col"><span className="visually-hidden">{t.actions}</span></th>
          </tr>
        </thead>
        <tbody>
          {agents.map((agent) => (
            <Row key={agent.id} agent={agent} now={now} {...rest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ agent, now, owners = false, grantsHref, disabled, mayEdit, mayPause, onEdit, onRevoke }: Omit<AgentTableProps, "agents"> & { agent: Agent; now: number }) {
  const subject = `${agent.user}/${agent.name}`;
  const pause = usePause(subject);
  return (
    <tr data-testid={`agent-${agent.user}-${agent.name}`}>
      <th scope="row" className="wrap">
        {owners && <span className="dim">{agent.user} / </span>}
        {agent.name}
        {agent.paused && (
          <div>
            <Mark tone="wait" icon="pause" label={strings.pausing.paused} />
          </div>
        )}
        {agent.signed_in && (
          <div className="dim" data-testid={`signed-in-${agent.user}-${agent.name}`}>
            {t.signedInBy(agent.signed_in.client, agent.signed_in.host, dayAndTime(agent.signed_in.since))}
          </div>
        )}
      </th>
      <td>
        <Scope scope={agent.scope} />
      </td>
      <td className="nowrap">
        <Expiry at={agent.expires_at ?? undefined} now={now} />
      </td>
      <td className="dim nowrap">{agent.last_used_at == null ? t.never : <Ago at={agent.last_used_at} now={now} />}</td>
      <td className="number">
        <Uses agent={agent} />
      </td>
      <td className="end">
        <Button component="a" href={grantsHref(subject)} size="compact-xs" variant="subtle" aria-label={t.grantsOf(subject)}>
          {t.grants}
        </Button>
        {mayPause && (
          <PauseButton
            small
            paused={agent.paused}
            pending={pause.pending}
            disabled={disabled}
            label={agent.paused ? strings.pausing.resume : strings.pausing.pause}
            description={agent.paused ? strings.pausing.resumeNamed(agent.name) : strings.pausing.pauseNamed(agent.name)}
            testId={`pause-${agent.user}-${agent.name}`}
            onToggle={() => void pause.run(!agent.paused)}
          />
        )}
        {mayEdit && (
          <>
            <Button size="compact-xs" variant="subtle" disabled={disabled} onClick={() => onEdit(agent)} aria-label={t.editNamed(agent.name)}>
              {t.editAgent}
            </Button>
            <Button size="compact-xs" variant="subtle" color="red" className="danger" disabled={disabled} onClick={() => onRevoke(agent)} aria-label={t.revokeNamed(agent.name)}>
              {t.revoke}
            </Button>
          </>
        )}
        {pause.error && (
          <div role="alert" data-tone="deny">
            {pause.error.message}
          </div>
        )}
      </td>
    </tr>
  );
}

function Scope({ scope }: { scope: readonly string[] }) {
  if (scope.length === 0) return <span className="dim">{t.fullScope}</span>;
  return (
    <>
      <code>{scope.slice(0, MOST_PATTERNS).join(" ")}</code>
      {scope.length > MOST_PATTERNS && (
        <span className="dim" title={scope.join(" ")}>
          {" "}
          {t.scopeMore(scope.length - MOST_PATTERNS)}
        </span>
      )}
    </>
  );
}

function Uses({ agent }: { agent: Agent }) {
  if (agent.max_uses == null) return agent.uses.toLocaleString("en");
  return agent.forwarded >= agent.max_uses ? <Mark tone="deny" icon="cross" label={t.usedUp} /> : t.usesOf(agent.forwarded, agent.max_uses);
}

function Expiry({ at, now }: { at: string | undefined; now: number }) {
  if (at === undefined) return <span className="dim">{t.noExpiry}</span>;
  return isPast(at, now) ? <Mark tone="deny" icon="cross" label={t.expired} /> : <WhenInList at={at} now={now} />;
}

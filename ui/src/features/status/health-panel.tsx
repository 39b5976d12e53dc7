import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { agentsQuery, connectionsQuery, statusQuery } from "../../api/queries";
import type { Agent, Connection } from "../../api/types";
import { useRole } from "../../api/use-role";
import { CopyLine } from "../../components/copy-line";
import type { IconName } from "../../components/icons";
import { Mark, type Tone } from "../../components/mark";
import { dayAndTime, isPast } from "../../components/time";
import { UntrustedText } from "../../components/untrusted-text";
import { useNow } from "../../components/use-now";
import { Ago } from "../../components/when";
import { strings } from "../../strings";
import "./status.css";

const t = strings.health;
/** The rest is on the page that is linked below. */
const MOST = 8;

const MARKS: Record<Connection["health"], { tone: Tone; icon: IconName }> = {
  ready: { tone: "allow", icon: "check" },
  connecting: { tone: "wait", icon: "clock" },
  failed: { tone: "deny", icon: "alert" },
  sealed: { tone: "wait", icon: "lock" },
  needs_sign_in: { tone: "wait", icon: "plug" },
};
/** What needs somebody comes first. */
const ORDER: readonly Connection["health"][] = ["failed", "needs_sign_in", "sealed", "connecting", "ready"];

interface HealthPanelProps {
  connectionsHref: (name?: string) => string;
  peopleHref: (user?: string) => string;
}

/** Systems behind the gateway and agents before it, each with how it is. */
export function HealthPanel({ connectionsHref, peopleHref }: HealthPanelProps) {
  const { client } = useGateway();
  const member = useRole() === "member";
  const connections = useQuery({ ...connectionsQuery(client), enabled: !member }).data;
  const agents = useQuery(agentsQuery(client)).data;
  const status = useQuery(statusQuery(client)).data;
  const now = useNow();
  return (
    <aside className="health" aria-label={t.title}>
      {!member && (
        <section className="panel" aria-labelledby="health-connections">
          <div className="health-head">
            <h2 id="health-connections">{t.connections}</h2>
            <a href={connectionsHref()}>{t.all}</a>
          </div>
          {connections?.length === 0 && <p className="dim note health-none">{t.noConnections}</p>}
          <ul className="health-list">
            {byNeed(connections ?? [])
              .slice(0, MOST)
              .map((connection) => (
                <li key={connection.id} data-testid={`health-${connection.name}`} title={connection.problem ?? undefined}>
                  <a href={connectionsHref(connection.name)}>
                    <UntrustedText text={connection.name} />
                  </a>
                  {connection.paused ? <Mark tone="wait" icon="pause" label={t.paused} /> : <Mark {...MARKS[connection.health]} label={strings.connections.health[connection.health]} />}
                </li>
              ))}
          </ul>
          <More count={(connections?.length ?? 0) - MOST} href={connectionsHref()} />
        </section>
      )}
      <section className="panel" aria-labelledby="health-agents">
        <div className="health-head">
          <h2 id="health-agents">{t.agents}</h2>
          <a href={peopleHref()}>{t.all}</a>
        </div>
        {agents?.length === 0 && <p className="dim note health-none">{t.noAgents}</p>}
        <ul className="health-list">
          {byUse(agents ?? [])
            .slice(0, MOST)
            .map((agent) => (
              <li key={`${agent.user}/${agent.name}`}>
                <a href={peopleHref(agent.user)}>
                  <UntrustedText text={`${agent.user} / ${agent.name}`} />
                </a>
                <Seen agent={agent} now={now} />
              </li>
            ))}
        </ul>
        <More count={(agents?.length ?? 0) - MOST} href={peopleHref()} />
      </section>
      {status && (
        <section className="panel health-address" aria-labelledby="health-address">
          <h2 id="health-address">{strings.counts.address}</h2>
          <CopyLine text={`${status.url}/mcp`} label={strings.counts.address} testId="address" />
          <p className="dim small note">{strings.counts.since(dayAndTime(status.started_at), status.version)}</p>
        </section>
      )}
    </aside>
  );
}

function Seen({ agent, now }: { agent: Agent; now: number }) {
  if (agent.paused) return <Mark tone="wait" icon="pause" label={t.paused} />;
  if (agent.expires_at != null && isPast(agent.expires_at, now)) return <Mark tone="neutral" icon="clock" label={t.expired} />;
  return (
    <span className="dim small nowrap">{agent.last_used_at == null ? t.never : <Ago at={agent.last_used_at} now={now} />}</span>
  );
}

function More({ count, href }: { count: number; href: string }) {
  if (count <= 0) return null;
  return (
    <p className="note small health-more">
      <a href={href}>{t.more(count)}</a>
    </p>
  );
}

const byNeed = (all: readonly Connection[]) => all.toSorted((a, b) => ORDER.indexOf(a.health) - ORDER.indexOf(b.health) || a.name.localeCompare(b.name));
const byUse = (all: readonly Agent[]) => all.toSorted((a, b) => (b.last_used_at ?? "").localeCompare(a.last_used_at ?? "") || a.name.localeCompare(b.name));

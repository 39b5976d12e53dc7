import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { agentsQuery, statusQuery } from "../../api/queries";
import { useServiceState } from "../../api/use-service-state";
import { Histogram } from "../../components/histogram";
import { Failure } from "../../components/states";
import { shortTime } from "../../components/time";
import { strings } from "../../strings";
import { useActivity } from "./use-activity";
import "./activity.css";

const t = strings.activity;

interface ActivityPanelProps {
  deniedHref: string;
  approvalsHref: string;
  /** The trail of a part of the hour. */
  trailHref: (since: string, until: string) => string;
  go: (href: string) => void;
}

/** The last hour in one look: calls per minute, denials, and who waits. */
export function ActivityPanel({ deniedHref, approvalsHref, trailHref, go }: ActivityPanelProps) {
  const { client } = useGateway();
  const { minutes, error } = useActivity();
  // Said above every page then.
  const stopped = useServiceState() === "stopped";
  const status = useQuery(statusQuery(client)).data;
  const agents = useQuery(agentsQuery(client)).data;
  const sum = (part: "calls" | "denied") => minutes?.reduce((all, minute) => all + minute[part], 0);
  const hourAgo = minutes?.[0]?.start ?? 0;
  const active = agents?.filter((agent) => agent.last_used_at != null && Date.parse(agent.last_used_at) >= hourAgo).length;
  const last = minutes?.at(-2);
  return (
    <section className="activity" aria-label={t.title}>
      {error && minutes === undefined && !stopped && <Failure message={error.message} next={error.next} />}
      <div className="panel activity-chart" aria-busy={minutes === undefined}>
        <div className="activity-head">
          <h2>{t.perMinute}</h2>
          <span className="dim small">{last && t.lastMinute(last.calls)}</span>
        </div>
        {minutes && (
          <Histogram
            label={t.chart}
            bars={minutes.map(({ start, calls, denied }) => ({
              key: String(start),
              label: t.minute(shortTime(start), calls, denied),
              parts: [
                { tone: "deny", amount: denied },
                { tone: "allow", amount: calls - denied },
              ],
            }))}
            from={t.hourAgo}
            to={t.now}
            peak={t.peak}
            onChoose={(first, end) => {
              const [from, to] = [minutes[first], minutes[end]];
              if (from && to) go(trailHref(new Date(from.start).toISOString(), new Date(to.start + 59_999).toISOString()));
            }}
          />
        )}
      </div>
      <dl className="counts">
        <Count name={t.calls} value={sum("calls")} />
        <Count name={t.denied} value={sum("denied")} href={deniedHref} tone={sum("denied") ? "deny" : undefined} testId="count-denied" />
        <Count name={t.waiting} value={status?.approvals} href={approvalsHref} tone={status?.approvals ? "wait" : undefined} testId="count-waiting" />
        <Count name={t.active} value={active} of={agents?.length} />
      </dl>
    </section>
  );
}

interface CountProps {
  name: string;
  value: number | undefined;
  of?: number | undefined;
  href?: string;
  tone?: "deny" | "wait" | undefined;
  testId?: string;
}

function Count({ name, value, of, href, tone, testId }: CountProps) {
  const number = value === undefined ? "…" : value.toLocaleString("en");
  return (
    <div>
      <dt>{name}</dt>
      <dd className="count" data-testid={testId}>
        {href === undefined ? number : <a href={href} data-tone={tone}>{number}</a>}
        {of !== undefined && <span className="count-of"> / {of.toLocaleString("en")}</span>}
      </dd>
    </div>
  );
}

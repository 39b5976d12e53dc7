import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import { keys, sessionsQuery } from "../../../api/queries";
import type { OpenSession } from "../../../api/types";
import { useAction } from "../../../api/use-action";
import { useServiceState } from "../../../api/use-service-state";
import { Mark } from "../../../components/mark";
import { Failure, Unread } from "../../../components/states";
import { useNow } from "../../../components/use-now";
import { Ago, WhenInList } from "../../../components/when";
import { strings } from "../../../strings";
import { Section } from "../../../components/section";

const t = strings.settings.sessions;

/** Where one is signed in; any of it can be ended. */
export function Sessions() {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const sessions = useQuery(sessionsQuery(client));
  const now = useNow();
  const readAgain = () => queries.invalidateQueries({ queryKey: [keys.sessions] });
  const end = useAction(async (id: string | undefined) => {
    try {
      if (id === undefined) await unwrap(client.DELETE("/api/v1/sessions"));
      else await unwrap(client.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } }));
    } finally {
      await readAgain();
    }
  });
  if (sessions.data === undefined) return <Unread of={sessions} />;
  const others = sessions.data.filter((session) => !session.current).length;
  return (
    <Section
      title={t.title}
      text={t.text}
      action={
        <Button size="xs" variant="default" disabled={others === 0 || stopped} loading={end.pending} onClick={() => void end.run(undefined)} data-testid="sessions-end-others">
          {t.endOthers}
        </Button>
      }
    >
      {end.error && <Failure message={end.error.message} next={end.error.next} />}
      <div className="table-scroll">
        <table className="plain-table stack-table">
          <thead>
            <tr>
              <th scope="col">{t.from}</th>
              <th scope="col">{t.since}</th>
              <th scope="col">{t.used}</th>
              <th scope="col">{t.until}</th>
              <th scope="col"><span className="visually-hidden">{t.end}</span></th>
            </tr>
          </thead>
          <tbody>
            {sessions.data.map((session) => (
              <Line key={session.id} session={session} now={now} disabled={stopped || end.pending} onEnd={() => void end.run(session.id)} />
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function Line({ session, now, disabled, onEnd }: { session: OpenSession; now: number; disabled: boolean; onEnd: () => void }) {
  const { place, browser, created_at: since, used_at: used, expires_at: until, current } = session;
  return (
    <tr data-testid={`session-${session.id}`} data-current={current}>
      <th scope="row">
        {place == null ? t.placeUnknown : t.places[place]}
        {browser != null && <div className="dim small">{browser}</div>}
      </th>
      <td>{since == null ? "–" : <WhenInList at={since} now={now} />}</td>
      <td>{used == null ? t.notSince : <Ago at={used} now={now} />}</td>
      <td>
        <WhenInList at={until} now={now} />
      </td>
      <td className="end">
        {current ? (
          <Mark tone="allow" icon="check" label={t.current} />
        ) : (
          <Button size="compact-xs" variant="default" disabled={disabled} onClick={onEnd} aria-label={t.endOne(place == null ? t.placeUnknown : t.places[place])}>
            {t.end}
          </Button>
        )}
      </td>
    </tr>
  );
}

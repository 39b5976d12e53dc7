import { Code } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { statusQuery } from "../../api/queries";
import { Failure } from "../../components/states";
import { dayAndTime } from "../../components/time";
import { strings } from "../../strings";

const t = strings.counts;

export function Counts() {
  const { client } = useGateway();
  const status = useQuery(statusQuery(client));
  if (status.isError && status.data === undefined) {
    const error = asApiError(status.error);
    return <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => void status.refetch() }} />;
  }
  const now = status.data;
  return (
    <dl className="counts" aria-busy={status.isPending}>
      <Count name={t.connections} value={now?.connections} />
      <Count name={t.users} value={now?.users} />
      <Count name={t.agents} value={now?.agents} />
      <Count name={t.grants} value={now?.grants} />
      <div className="count-wide">
        <dt>{t.address}</dt>
        <dd>
          <Code>{now ? `${now.url}/mcp` : "…"}</Code>
          <span className="dim">{now && t.since(dayAndTime(now.started_at), now.version)}</span>
        </dd>
      </div>
    </dl>
  );
}

function Count({ name, value }: { name: string; value: number | undefined }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="count">{value ?? "…"}</dd>
    </div>
  );
}

import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { connectionQuery, toolsQuery } from "../../api/queries";
import type { ConnectionDetail } from "../../api/types";
import { useIsAdmin } from "../../api/use-role";
import { Unread } from "../../components/states";
import { dayOrTime, exactInstant } from "../../components/time";
import { UntrustedText } from "../../components/untrusted-text";
import { useNow } from "../../components/use-now";
import { Ago } from "../../components/when";
import { strings } from "../../strings";
import { Accounts } from "./accounts";
import { Actions } from "./actions";
import { Logs } from "./logs";
import type { ToolSlots } from "./slots";
import { Target } from "./target";
import { ToolList } from "./tool-list";

const t = strings.connections;

interface ConnectionPanelProps extends ToolSlots {
  name: string;
  onGone: () => void;
}

/** What a person needs to use or repair one connection. */
export function ConnectionPanel({ name, onGone, ...slots }: ConnectionPanelProps) {
  const { client } = useGateway();
  const mayChange = useIsAdmin();
  const detail = useQuery(connectionQuery(client, name));
  const tools = useQuery({ ...toolsQuery(client), select: (all) => all.filter((tool) => tool.connection === name) });
  if (detail.data === undefined) return <Unread of={detail} />;
  return (
    <div className="item-body">
      {mayChange && <Actions connection={detail.data} onGone={onGone} />}
      <Facts detail={detail.data} />
      {detail.data.sign_in != null && (
        <>
          <h3>{strings.accounts.title}</h3>
          <Accounts connection={name} />
        </>
      )}
      <ToolList tools={tools.data} refused={detail.data.refused_tools} {...slots} />
      <Logs name={name} />
    </div>
  );
}

function Facts({ detail }: { detail: ConnectionDetail }) {
  const now = useNow();
  const since = detail.health_since ?? "";
  return (
    <dl className="facts connection-facts">
      <dt>{t.target[detail.transport.kind]}</dt>
      <dd>
        <Target transport={detail.transport} />
      </dd>
      <dt>{t.credentials}</dt>
      <dd>{detail.credentials.length === 0 ? <span className="dim">{t.noCredentials}</span> : detail.credentials.join(", ")}</dd>
      <dt>{t.state}</dt>
      <dd>
        {t.health[detail.health]}
        {since !== "" && (
          <span className="dim" title={exactInstant(since)}>
            {" "}
            {t.since(dayOrTime(since, now))}
          </span>
        )}
        <span className="dim"> · {t.starts(detail.starts)}</span>
      </dd>
      {detail.last_error != null && (
        <>
          <dt>{t.lastError}</dt>
          <dd>
            <UntrustedText text={detail.last_error.problem} />{" "}
            <span className="dim">
              <Ago at={detail.last_error.at} now={now} />
            </span>
          </dd>
        </>
      )}
    </dl>
  );
}

import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useGateway } from "../../api/gateway";
import { agentsQuery } from "../../api/queries";
import type { Agent } from "../../api/types";
import { useRole } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { Empty, Unread } from "../../components/states";
import { isPast } from "../../components/time";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { AgentTable } from "./agent-table";
import { useAgentDialogs } from "./use-agent-dialogs";

const t = strings.people.allAgents;
const STEP = 100;
const IDLE_MS = 30 * 86_400_000;
const SHOWN = ["all", "idle", "ended", "paused"] as const;
type Shown = (typeof SHOWN)[number];

interface AgentsViewProps {
  find: string;
  onFind: (text: string) => void;
  grantsHref: (subject: string) => string;
}

/** Every agent of everybody: which of them are in use, and which could go. */
export function AgentsView({ find, onFind, grantsHref }: AgentsViewProps) {
  const { client } = useGateway();
  const agents = useQuery(agentsQuery(client));
  const stopped = useServiceState() === "stopped";
  const role = useRole();
  const { edit, revoke, dialogs } = useAgentDialogs();
  const [now] = useState(() => Date.now());
  const [kind, setKind] = useState<Shown>("all");
  const wanted = find.trim().toLowerCase();
  const matching = (agents.data ?? []).filter((agent) => isOfKind(agent, kind, now) && `${agent.user}/${agent.name} ${agent.signed_in?.client ?? ""}`.toLowerCase().includes(wanted));
  const { shown, left, more } = usePaging(matching, STEP);
  return (
    <>
      <div className="toolbar">
        <TextInput size="xs" w={240} aria-label={t.find} placeholder={t.find} leftSection={<Icon name="search" size={13} />} value={find} onChange={(event) => onFind(event.currentTarget.value)} data-testid="agents-find" />
        <SegmentedControl size="xs" aria-label={t.show} value={kind} onChange={(value) => setKind(SHOWN.find((part) => part === value) ?? "all")} data={SHOWN.map((value) => ({ value, label: t.kinds[value] }))} />
      </div>
      <Unread of={agents} />
      {agents.data?.length === 0 && <Empty icon="plug" title={t.emptyTitle} text={strings.people.noAgents} />}
      {agents.data && agents.data.length > 0 && matching.length === 0 && <p className="dim note">{t.none}</p>}
      {shown.length > 0 && (
        <div className="panel">
          <AgentTable agents={shown} owners grantsHref={grantsHref} disabled={stopped} mayEdit={role !== "auditor"} mayPause={role === "admin"} onEdit={edit} onRevoke={revoke} />
        </div>
      )}
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {strings.tools.more(left)}
        </Button>
      )}
      {dialogs}
    </>
  );
}

function isOfKind(agent: Agent, kind: Shown, now: number): boolean {
  const usedUp = agent.max_uses != null && agent.forwarded >= agent.max_uses;
  if (kind === "paused") return agent.paused;
  if (kind === "ended") return usedUp || (agent.expires_at != null && isPast(agent.expires_at, now));
  return kind === "all" || now - Date.parse(agent.last_used_at ?? agent.created_at) > IDLE_MS;
}

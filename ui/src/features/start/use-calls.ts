import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { unwrap } from "../../api/client";
import { useEvents, useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { AuditRecord } from "../../api/types";

const SHOWN = 4;

/** The newest calls of one person's agents, and which of them came while one looked. */
export function useCalls(user: string): { calls: AuditRecord[]; seen: ReadonlySet<number> } {
  const { client } = useGateway();
  const queries = useQueryClient();
  const events = useEvents();
  const [seen, setSeen] = useState<ReadonlySet<number>>(new Set());
  const calls = useQuery({
    queryKey: [keys.audit, "start", user],
    queryFn: async ({ signal }) => (await unwrap(client.GET("/api/v1/audit", { params: { query: { user, kind: "outcome", limit: SHOWN } }, signal }))).records,
  });
  useEffect(() => {
    const again = () => {
      void queries.invalidateQueries({ queryKey: [keys.audit, "start", user] });
      void queries.invalidateQueries({ queryKey: [keys.agents] });
    };
    const ends = [
      events.onGap(again),
      events.onAudit((record) => {
        if (record.kind !== "outcome" || record.user !== user) return;
        setSeen((now) => new Set(now).add(record.seq));
        again();
      }),
    ];
    return () => ends.forEach((end) => end());
  }, [events, queries, user]);
  return { calls: calls.data ?? [], seen };
}

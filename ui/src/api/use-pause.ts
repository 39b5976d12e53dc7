import { useQueryClient } from "@tanstack/react-query";

import { unwrap } from "./client";
import { useGateway } from "./gateway";
import { keys, statusQuery } from "./queries";
import { type Action, useAction } from "./use-action";

/** Pauses or resumes one user, agent or connection (`user:NAME`, `USER/AGENT`, `connection:NAME`), or all agents. */
export function usePause(subject?: string): Action<[pause: boolean], void> {
  const { client } = useGateway();
  const queries = useQueryClient();
  return useAction(async (pause: boolean) => {
    const status = await unwrap(client.POST(pause ? "/api/v1/pause" : "/api/v1/resume", { ...(subject !== undefined && { body: { subject } }) }));
    queries.setQueryData(statusQuery(client).queryKey, status);
    await Promise.all((subject === undefined ? [keys.health] : [keys.users, keys.agents, keys.connections]).map((key) => queries.invalidateQueries({ queryKey: [key] })));
  });
}

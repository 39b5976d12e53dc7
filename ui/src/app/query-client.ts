import { QueryCache, QueryClient } from "@tanstack/react-query";

import { hasCode, OFFLINE } from "../api/error";
import { keys } from "../api/queries";

export function createQueryClient(): QueryClient {
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error, query) => {
        // Must not ask for itself again, without end.
        if (query.queryKey[0] === keys.session) return;
        // The session ended, or the gateway went away: the gate looks again.
        if (hasCode(error, "sign_in")) void queries.invalidateQueries({ queryKey: [keys.session] });
        if (hasCode(error, "not_set_up") || hasCode(error, OFFLINE)) void queries.invalidateQueries({ queryKey: [keys.health] });
      },
    }),
    defaultOptions: {
      queries: {
        // The gateway is on this machine: being without a network says nothing about it.
        networkMode: "always",
        // Events say what changed, so nothing grows old by itself.
        staleTime: 60_000,
        retry: (failures, error) => hasCode(error, OFFLINE) && failures < 2,
      },
    },
  });
  return queries;
}

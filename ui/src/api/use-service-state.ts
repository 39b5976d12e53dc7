import { useQuery } from "@tanstack/react-query";

import { useGateway } from "./gateway";
import { healthQuery } from "./queries";
import type { ServiceState } from "./types";

/** What the gateway says of itself, or `stopped` when it does not answer. */
export type ShownState = ServiceState | "stopped";

export function useServiceState(): ShownState | undefined {
  const { client } = useGateway();
  const health = useQuery(healthQuery(client));
  if (health.isError) return "stopped";
  return health.data?.state;
}

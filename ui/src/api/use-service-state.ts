import { useQuery } from "@tanstack/react-query";

import { useGateway } from "./gateway";
import { healthQuery, type ShownState } from "./queries";

export function useServiceState(): ShownState | undefined {
  const { client } = useGateway();
  return useQuery(healthQuery(client)).data?.state;
}

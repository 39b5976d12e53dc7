import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { agentsQuery, connectionsQuery } from "../../api/queries";
import { useIsAdmin } from "../../api/use-role";

export const START_STEPS = ["tool", "agent", "call"] as const;
export type StartStep = (typeof START_STEPS)[number];

/** What of the first run is done: read off the gateway, so that no reload forgets it. */
export function useStart(): Record<StartStep, boolean> | undefined {
  const { client } = useGateway();
  // Connections are not a member's to see.
  const isAdmin = useIsAdmin();
  const connections = useQuery({ ...connectionsQuery(client), enabled: isAdmin }).data;
  const agents = useQuery(agentsQuery(client)).data;
  if (connections === undefined || agents === undefined) return undefined;
  return { tool: connections.length > 0, agent: agents.length > 0, call: agents.some((agent) => agent.uses > 0) };
}

/** The first that is left to do. */
export function nextStep(done: Record<StartStep, boolean>): StartStep {
  return START_STEPS.find((step) => !done[step]) ?? "call";
}

import { useQuery } from "@tanstack/react-query";

import { useGateway } from "./gateway";
import { sessionQuery } from "./queries";
import type { Role } from "./types";

/** The role of who is signed in; the least one while it is not known. What it may do is decided by the gateway. */
export function useRole(): Role {
  const { client } = useGateway();
  return useQuery(sessionQuery(client)).data?.role ?? "member";
}

export function useIsAdmin(): boolean {
  return useRole() === "admin";
}

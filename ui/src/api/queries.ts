import { queryOptions } from "@tanstack/react-query";

import { type ApiClient, unwrap } from "./client";
import { hasCode } from "./error";
import type { ServiceState } from "./types";

/** First part of every query key; events invalidate by it. */
export const keys = {
  agents: "agents",
  approvals: "approvals",
  audit: "audit",
  /** Of this machine, asked of the shell. */
  clients: "clients",
  connections: "connections",
  doctor: "doctor",
  egress: "egress",
  grants: "grants",
  health: "health",
  invites: "invites",
  keychain: "keychain",
  session: "session",
  sessions: "sessions",
  sharing: "sharing",
  status: "status",
  suggestions: "suggestions",
  teams: "teams",
  timeline: "timeline",
  tools: "tools",
  users: "users",
} as const;

const HEALTH_EVERY_MS = 10_000;
const HEALTH_WHEN_DOWN_MS = 2_000;
/** States that the gateway leaves by itself. */
const PASSING: ReadonlySet<ShownState> = new Set(["stopped", "unrecorded"]);
const AUDIT_STATUS_EVERY_MS = 5_000;
const LOGS_EVERY_MS = 2_000;
const RUNNING_EVERY_MS = 500;
const EGRESS_EVERY_MS = 5_000;

/** What the gateway says of itself, or `stopped` when it does not answer. */
export type ShownState = ServiceState | "stopped";

interface ShownHealth {
  state: ShownState;
  /** Set-up must be given a passphrase for the master key. */
  needsPassphrase: boolean;
}

/**
 * Never fails: that nothing answers is an answer too. As an error it would turn
 * to "pending" at each new try, and the page would flicker with it.
 */
export const healthQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.health],
    queryFn: async ({ signal }): Promise<ShownHealth> => {
      try {
        const health = await unwrap(client.GET("/api/v1/health", { signal }));
        return { state: health.state, needsPassphrase: health.needs_passphrase ?? false };
      } catch {
        return { state: "stopped", needsPassphrase: false };
      }
    },
    refetchInterval: (query) => (query.state.data && PASSING.has(query.state.data.state) ? HEALTH_WHEN_DOWN_MS : HEALTH_EVERY_MS),
  });

/** The signed-in session, or null. */
export const sessionQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.session],
    queryFn: async ({ signal }) => {
      try {
        return await unwrap(client.GET("/api/v1/session", { signal }));
      } catch (error) {
        if (hasCode(error, "sign_in")) return null;
        throw error;
      }
    },
  });

export const statusQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.status],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/status", { signal })),
  });

export const connectionsQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.connections],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/connections", { signal })),
  });

export const connectionQuery = (client: ApiClient, name: string) =>
  queryOptions({
    queryKey: [keys.connections, name],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/connections/{name}", { params: { path: { name } }, signal })),
  });

/** What happened to a connection lately; it is read again while it is looked at. */
export const logsQuery = (client: ApiClient, name: string) =>
  queryOptions({
    queryKey: [keys.connections, name, "logs"],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/connections/{name}/logs", { params: { path: { name } }, signal })),
    refetchInterval: LOGS_EVERY_MS,
  });

/** Below `connections`, so that what changes those changes these. */
export const accountsQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.connections, "", "accounts"],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/accounts", { signal })),
  });

export const usersQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.users],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/users", { signal })),
  });

/** None for those who may not see teams. */
export const teamsQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.teams],
    queryFn: async ({ signal }) => {
      try {
        return await unwrap(client.GET("/api/v1/teams", { signal }));
      } catch (error) {
        if (hasCode(error, "forbidden")) return [];
        throw error;
      }
    },
  });

/** All agents, or one user's. */
export const agentsQuery = (client: ApiClient, user?: string) =>
  queryOptions({
    queryKey: [keys.agents, user ?? null],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/agents", { params: { query: user === undefined ? {} : { user } }, signal })),
  });

export const grantsQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.grants],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/grants", { signal })),
  });

/** All tools, or those that `as` (`USER` or `USER/AGENT`) may call: the gateway's own decision. */
export const toolsQuery = (client: ApiClient, as?: string) =>
  queryOptions({
    queryKey: [keys.tools, as ?? null],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/tools", { params: { query: as === undefined ? {} : { as } }, signal })),
  });

/** One tool with the schema of its arguments. */
export const toolQuery = (client: ApiClient, id: string) =>
  queryOptions({
    queryKey: [keys.tools, "detail", id],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/tools/{id}", { params: { path: { id } }, signal })),
  });

/** A tool's definition as it was granted and as it is now. */
export const reviewQuery = (client: ApiClient, id: string) =>
  queryOptions({
    queryKey: [keys.tools, "review", id],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/tools/{id}/review", { params: { path: { id } }, signal })),
    staleTime: 0,
    // What was read the last time may have been accepted since.
    gcTime: 0,
  });

export const approvalsQuery = (client: ApiClient, state: "pending" | "all") =>
  queryOptions({
    queryKey: [keys.approvals, state],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/approvals", { params: { query: { state } }, signal })),
  });

export const alwaysQuery = (client: ApiClient, id: string) =>
  queryOptions({
    queryKey: [keys.approvals, "always", id],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/approvals/{id}/always", { params: { path: { id } }, signal })),
    staleTime: 0,
  });

export const suggestionsQuery = (client: ApiClient, days: number) =>
  queryOptions({
    queryKey: [keys.suggestions, days],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/suggestions", { params: { query: { days } }, signal })),
  });

/** The whole story of a call, by its id, or one record, by its number. */
export const storyQuery = (client: ApiClient, id: string) =>
  queryOptions({
    queryKey: [keys.audit, "story", id],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/audit/{id}", { params: { path: { id } }, signal })),
  });

/** Ages with every second, so it is read again while it is looked at. */
export const auditStatusQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.audit, "status"],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/audit/status", { signal })),
    refetchInterval: AUDIT_STATUS_EVERY_MS,
  });

export const auditSettingsQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.audit, "settings"],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/audit/settings", { signal })),
  });

export const forwardsQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.audit, "forwards"],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/audit/forwards", { signal })),
    refetchInterval: AUDIT_STATUS_EVERY_MS,
  });

/** For admins and auditors. */
export const sharingQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.sharing],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/sharing", { signal })),
  });

/** What other machines are told to trust; null while it was not made. */
export const authorityQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.sharing, "authority"],
    queryFn: async ({ signal }) => {
      try {
        return await unwrap(client.GET("/api/v1/sharing/authority", { signal }));
      } catch (error) {
        if (hasCode(error, "not_found")) return null;
        throw error;
      }
    },
  });

/** For admins and auditors. */
export const invitesQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.invites],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/invites", { signal })),
  });

/** How the gateway's own check of the trail goes, or went. */
export const verificationQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.audit, "verification"],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/audit/verification", { signal })),
    refetchInterval: (query) => (query.state.data?.state === "running" ? RUNNING_EVERY_MS : false),
  });

export const sessionsQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.sessions],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/sessions", { signal })),
  });

export const keychainQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.keychain],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/keychain", { signal })),
  });

/** Looked at anew each time somebody comes to read it. */
export const doctorQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.doctor],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/doctor", { signal })),
    staleTime: 0,
  });

export const egressQuery = (client: ApiClient) =>
  queryOptions({
    queryKey: [keys.egress],
    queryFn: ({ signal }) => unwrap(client.GET("/api/v1/egress", { signal })),
    refetchInterval: EGRESS_EVERY_MS,
    staleTime: 0,
  });

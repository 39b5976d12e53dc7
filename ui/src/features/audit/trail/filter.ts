import type { AuditRecord } from "../../../api/types";

export const DECISIONS = ["allow", "ask", "deny"] as const;
/** `unknown`: nobody had confirmed what the tool does. */
export const EFFECTS = ["read", "write", "destructive", "unknown"] as const;
export const KINDS = ["intent", "outcome", "approval", "config", "sign_in", "service"] as const;
export const STATUSES = ["ok", "tool_error", "denied", "failed", "cancelled", "indeterminate"] as const;
export const RANGES = ["hour", "today", "week", "month"] as const;

/** What is compared as it is, in the order in which it is shown. */
export const EXACT = ["user", "team", "agent", "connection", "tool", "decision", "reason", "effect", "status", "kind"] as const;
export type Exact = (typeof EXACT)[number];
type Range = (typeof RANGES)[number];

/** What the address of the page says: which records to show. */
export type TrailFilter = { [name in Exact]?: string | undefined } & {
  text?: string | undefined;
  /** Up to now; not beside `since` and `until`. */
  range?: Range | undefined;
  /** RFC 3339. */
  since?: string | undefined;
  until?: string | undefined;
};

export type TrailQuery = { [name in Exact | "text" | "since" | "until"]?: string };

// The URL parser reads what looks like a number as one.
const asText = (value: unknown) => (typeof value === "string" && value !== "" ? value : typeof value === "number" ? String(value) : undefined);
const asTime = (value: unknown) => (typeof value === "string" && !Number.isNaN(Date.parse(value)) ? value : undefined);

/** From a search that a person may have typed. */
export function filterOf(search: Record<string, unknown>): TrailFilter {
  const [since, until] = [asTime(search.since), asTime(search.until)];
  const exact = Object.fromEntries(EXACT.map((name) => [name, asText(search[name])]));
  const range = since === undefined && until === undefined ? RANGES.find((known) => known === search.range) : undefined;
  return { ...exact, text: asText(search.text), range, since, until };
}

/** What the gateway is asked; a range counts back from `now`. */
export function queryOf(filter: TrailFilter, now: number): TrailQuery {
  const { range, ...rest } = filter;
  const since = range === undefined ? rest.since : startOf(range, now);
  const query = { ...rest, since };
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function startOf(range: Range, now: number): string {
  const start = new Date(now);
  if (range === "hour") start.setTime(now - HOUR_MS);
  else if (range === "week") start.setTime(now - 7 * DAY_MS);
  else if (range === "month") start.setTime(now - 30 * DAY_MS);
  // The day of who looks, not of Greenwich.
  else start.setHours(0, 0, 0, 0);
  return start.toISOString();
}

export function isEmpty(filter: TrailFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

/**
 * Whether a new record is one of those shown: `unknown` where only the gateway
 * can say, which knows the teams of then and how a text is found.
 */
export function matches(record: AuditRecord, filter: TrailFilter): boolean | "unknown" {
  const { user, agent, tool, decision, reason, status, kind } = record;
  // Only a call has an effect, if an unknown one.
  const effect = record.effect ?? (record.call_id == null ? undefined : "unknown");
  const has = { user, tool, decision, reason, effect, status, kind, connection: tool?.split(".", 1)[0] };
  for (const [name, value] of Object.entries(has)) {
    const wanted = filter[name as keyof typeof has];
    if (wanted !== undefined && wanted !== value) return false;
  }
  if (filter.agent !== undefined && filter.agent !== agent && filter.agent !== `${user}/${agent}`) return false;
  const time = Date.parse(record.time);
  if (filter.since !== undefined && time < Date.parse(filter.since)) return false;
  if (filter.until !== undefined && time > Date.parse(filter.until)) return false;
  return filter.team === undefined && filter.text === undefined ? true : "unknown";
}

/** Whether an intent's outcome may be hidden by the filter, so that its absence says nothing. */
export function mayHideOutcomes({ kind, status, decision, reason, text, until }: TrailFilter): boolean {
  return [kind, status, decision, reason, text, until].some((value) => value !== undefined);
}

import type { AuditRecord } from "../../api/types";
import { strings } from "../../strings";

/** Most calls that the feed keeps; older ones are in the audit trail. */
export const MAX_ROWS = 500;

/** One call: its intent and its outcome in one row. */
export interface FeedRow {
  /** What `GET /api/v1/audit/{id}` takes: the call's id, or the record's number. */
  id: string;
  /** Sequence number of the call's first record known here; orders the feed. */
  seq: number;
  time: string;
  user: string | undefined;
  agent: string | undefined;
  tool: string | undefined;
  decision: string | undefined;
  reason: string | undefined;
  /** Undefined while the call is under way. */
  status: string | undefined;
  durationMs: number | undefined;
}

export interface Feed {
  /** Newest first, at most `MAX_ROWS`. */
  rows: readonly FeedRow[];
  /** Smallest sequence number read so far. */
  oldestSeq: number | undefined;
}

export const EMPTY_FEED: Feed = { rows: [], oldestSeq: undefined };

/**
 * Adds records in any order, repeats included. Rows that no record touches stay
 * the same object, so that a list of memoized rows redraws only what changed.
 */
export function mergeRecords(feed: Feed, records: readonly AuditRecord[]): Feed {
  let oldestSeq = feed.oldestSeq;
  const touched = new Map<string, FeedRow>();
  const known = new Map(feed.rows.map((row) => [row.id, row]));
  for (const record of records) {
    oldestSeq = Math.min(oldestSeq ?? record.seq, record.seq);
    if (record.kind !== "intent" && record.kind !== "outcome") continue;
    const id = record.call_id ?? String(record.seq);
    touched.set(id, mergeRecord(touched.get(id) ?? known.get(id), id, record));
  }
  if (touched.size === 0) return oldestSeq === feed.oldestSeq ? feed : { ...feed, oldestSeq };

  const rows = feed.rows.map((row) => touched.get(row.id) ?? row);
  const added = [...touched.values()].filter((row) => !known.has(row.id));
  const all = [...added, ...rows].toSorted((a, b) => b.seq - a.seq);
  return { rows: all.slice(0, MAX_ROWS), oldestSeq };
}

function mergeRecord(row: FeedRow | undefined, id: string, record: AuditRecord): FeedRow {
  const isOutcome = record.kind === "outcome";
  const first = row === undefined || record.seq < row.seq;
  return {
    id,
    seq: Math.min(row?.seq ?? record.seq, record.seq),
    time: first ? record.time : row.time,
    user: row?.user ?? record.user ?? undefined,
    agent: row?.agent ?? record.agent ?? undefined,
    tool: row?.tool ?? record.tool ?? undefined,
    decision: (isOutcome ? (record.decision ?? row?.decision) : (row?.decision ?? record.decision)) ?? undefined,
    reason: (isOutcome ? (record.reason ?? row?.reason) : (row?.reason ?? record.reason)) ?? undefined,
    status: (isOutcome ? record.status : row?.status) ?? undefined,
    durationMs: (isOutcome ? record.duration_ms : row?.durationMs) ?? undefined,
  };
}

export const DECISIONS = ["allow", "ask", "deny"] as const;

export interface FeedFilter {
  decision: (typeof DECISIONS)[number] | undefined;
  text: string | undefined;
}

export function matches(row: FeedRow, filter: FeedFilter): boolean {
  if (filter.decision !== undefined && row.decision !== filter.decision) return false;
  if (filter.text === undefined) return true;
  const wanted = filter.text.toLowerCase();
  return [row.user, row.agent, row.tool, row.status, row.reason, row.reason && strings.reasonWords(row.reason)].some((value) => value?.toLowerCase().includes(wanted));
}

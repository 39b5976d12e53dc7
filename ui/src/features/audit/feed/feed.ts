import type { AuditRecord } from "../../../api/types";
import { strings } from "../../../strings";
import { isCall, mergeRows, type Row } from "../rows";

/** Most calls that the feed keeps; older ones are in the audit trail. */
export const MAX_ROWS = 500;

export interface Feed {
  /** Calls only, newest first, at most `MAX_ROWS`. */
  rows: readonly Row[];
  /** Smallest sequence number read so far. */
  oldestSeq: number | undefined;
}

export const EMPTY_FEED: Feed = { rows: [], oldestSeq: undefined };

/** Adds records in any order, repeats included. */
export function mergeRecords(feed: Feed, records: readonly AuditRecord[]): Feed {
  if (records.length === 0) return feed;
  const oldestSeq = records.reduce((oldest, record) => Math.min(oldest, record.seq), feed.oldestSeq ?? Infinity);
  const rows = mergeRows(feed.rows, records.filter(isCall));
  return { rows: rows.length > MAX_ROWS ? rows.slice(0, MAX_ROWS) : rows, oldestSeq };
}

export const DECISIONS = ["allow", "ask", "deny"] as const;

export interface FeedFilter {
  decision: (typeof DECISIONS)[number] | undefined;
  text: string | undefined;
}

export function matches(row: Row, filter: FeedFilter): boolean {
  if (filter.decision !== undefined && row.decision !== filter.decision) return false;
  if (filter.text === undefined) return true;
  const wanted = filter.text.toLowerCase();
  return [row.user, row.agent, row.tool, row.status, row.reason, row.reason && strings.reasonWords(row.reason)].some((value) => value?.toLowerCase().includes(wanted));
}

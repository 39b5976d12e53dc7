import type { AuditRecord } from "../../../api/types";
import { strings } from "../../../strings";
import { isCall, mergeRows, type Row } from "../rows";

/** Most calls that the feed keeps; older ones are in the audit trail. */
export const MAX_ROWS = 500;

export interface Feed {
  /** Calls only, newest first, at most `MAX_ROWS`. */
  rows: readonly Row[];
  /** Questions to people, by the approval's id. */
  questions: ReadonlyMap<string, Question>;
  /** Smallest sequence number read so far. */
  oldestSeq: number | undefined;
}

/** What the newest record of a question says. */
interface Question {
  seq: number;
  status: string;
}

/** What became of a call that was put to a person. */
export type Wait = "waiting" | "allowed" | "denied" | "expired" | "cancelled";

export const EMPTY_FEED: Feed = { rows: [], questions: new Map(), oldestSeq: undefined };

/** Adds records in any order, repeats included. */
export function mergeRecords(feed: Feed, records: readonly AuditRecord[]): Feed {
  if (records.length === 0) return feed;
  const oldestSeq = records.reduce((oldest, record) => Math.min(oldest, record.seq), feed.oldestSeq ?? Infinity);
  const rows = mergeRows(feed.rows, records.flatMap(ofCall));
  return { rows: rows.length > MAX_ROWS ? rows.slice(0, MAX_ROWS) : rows, questions: mergeQuestions(feed.questions, records), oldestSeq };
}

/** A call that is held has no record of its own yet but the question that it raised. */
function ofCall(record: AuditRecord): AuditRecord[] {
  if (isCall(record)) return [record];
  return record.kind === "approval" && record.status === "asked" ? [{ ...record, kind: "intent" }] : [];
}

function mergeQuestions(questions: Feed["questions"], records: readonly AuditRecord[]): Feed["questions"] {
  const told = records.filter((record) => record.kind === "approval" && record.approval != null);
  if (told.length === 0) return questions;
  const all = new Map(questions);
  for (const { approval, seq, status } of told) {
    if (approval != null && status != null && seq > (all.get(approval)?.seq ?? -1)) all.set(approval, { seq, status });
  }
  const newest = [...all].toSorted(([, a], [, b]) => b.seq - a.seq);
  return newest.length > MAX_ROWS ? new Map(newest.slice(0, MAX_ROWS)) : all;
}

const WAITS: Record<string, Wait> = { asked: "waiting", approved: "allowed", approved_for_session: "allowed", allowed: "allowed", denied: "denied", expired: "expired", cancelled: "cancelled" };

/**
 * For a call that is held, or whose agent was told that nobody has answered
 * yet: such a call has an outcome, and its question goes on. Undefined for
 * every other.
 */
export function waitOf(row: Row, { questions }: Feed): Wait | undefined {
  const told = row.reason === "approval_pending";
  const held = row.status === undefined && row.decision === "ask";
  if (!told && !held) return undefined;
  const question = row.approval === undefined ? undefined : questions.get(row.approval);
  const wait = WAITS[question?.status ?? "asked"];
  // One that was held goes on with the answer, and soon says how it ends, unless nobody is left to.
  return told || wait === "waiting" || wait === "cancelled" ? wait : undefined;
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

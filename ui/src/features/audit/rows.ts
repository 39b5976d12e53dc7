import type { AuditRecord } from "../../api/types";

/** A line of a list: one call, its intent and its outcome together, or any other record. */
export interface Row {
  /** Tells the rows of a list apart. */
  key: string;
  /** What `GET /api/v1/audit/{id}` takes: the call's id, or the record's number. */
  id: string;
  /** Sequence number of the first record known here; orders the list. */
  seq: number;
  time: string;
  /** `call`, or the kind of the record. */
  kind: string;
  user: string | undefined;
  agent: string | undefined;
  tool: string | undefined;
  effect: string | undefined;
  decision: string | undefined;
  reason: string | undefined;
  /** Undefined while a call is under way, as far as is known here. */
  status: string | undefined;
  durationMs: number | undefined;
  detail: string | undefined;
  /** Who answered a question. */
  by: string | undefined;
  /** The question to a person that a call waited for. */
  approval: string | undefined;
}

export function isCall(record: Pick<AuditRecord, "kind">): boolean {
  return record.kind === "intent" || record.kind === "outcome";
}

export function keyOf(record: AuditRecord): string {
  return (isCall(record) ? record.call_id : undefined) ?? String(record.seq);
}

/**
 * Adds records in any order, repeats included; newest first. Rows that no
 * record touches stay the same object, so that a list of memoized rows redraws
 * only what changed.
 */
export function mergeRows(rows: readonly Row[], records: readonly AuditRecord[]): readonly Row[] {
  const touched = new Map<string, Row>();
  const known = new Map(rows.map((row) => [row.key, row]));
  for (const record of records) {
    const key = keyOf(record);
    const row = touched.get(key) ?? known.get(key);
    // What is no call has one record, and that never changes.
    if (row === undefined || isCall(record)) touched.set(key, mergeRecord(row, key, record));
  }
  if (touched.size === 0) return rows;
  const added = [...touched.values()].filter((row) => !known.has(row.key));
  const kept = rows.map((row) => touched.get(row.key) ?? row);
  return [...added, ...kept].toSorted((a, b) => b.seq - a.seq);
}

function mergeRecord(row: Row | undefined, key: string, record: AuditRecord): Row {
  // The outcome has the last word; what comes late must not undo it.
  const last = record.kind !== "intent";
  const first = row === undefined || record.seq < row.seq;
  const latest = <T>(mine: T | null | undefined, theirs: T | undefined) => (last ? (mine ?? theirs) : (theirs ?? mine)) ?? undefined;
  return {
    key,
    id: record.call_id ?? key,
    seq: Math.min(row?.seq ?? record.seq, record.seq),
    time: first ? record.time : row.time,
    kind: isCall(record) ? "call" : record.kind,
    user: row?.user ?? record.user ?? undefined,
    agent: row?.agent ?? record.agent ?? undefined,
    tool: row?.tool ?? record.tool ?? undefined,
    effect: row?.effect ?? record.effect ?? undefined,
    decision: latest(record.decision, row?.decision),
    reason: latest(record.reason, row?.reason),
    status: latest(last ? record.status : undefined, row?.status),
    durationMs: latest(last ? record.duration_ms : undefined, row?.durationMs),
    detail: latest(record.detail, row?.detail),
    by: latest(record.by, row?.by),
    approval: latest(record.approval, row?.approval),
  };
}

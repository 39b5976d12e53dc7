import { describe, expect, it } from "vitest";

import type { AuditRecord } from "../../../api/types";
import { strings } from "../../../strings";
import { EMPTY_FEED, MAX_ROWS, matches, mergeRecords, waitOf } from "./feed";

const record = (seq: number, kind: string, rest: Partial<AuditRecord> = {}): AuditRecord => ({ seq, kind, time: `2026-01-01T00:00:${String(seq % 60).padStart(2, "0")}.000Z`, ...rest });
const intent = (seq: number, call_id: string) => record(seq, "intent", { call_id, user: "ana", tool: "fs.read_file", decision: "allow" });
const outcome = (seq: number, call_id: string) => record(seq, "outcome", { call_id, user: "ana", tool: "fs.read_file", decision: "allow", status: "ok", duration_ms: 12 });

const question = (seq: number, status: string) => record(seq, "approval", { call_id: "a", user: "ana", tool: "fs.read_file", decision: "ask", approval: "p1", status });
const told = (seq: number, call_id = "a") => record(seq, "outcome", { call_id, decision: "ask", approval: "p1", status: "denied", reason: "approval_pending", duration_ms: 50_000 });
const waits = (records: AuditRecord[]) => {
  const feed = mergeRecords(EMPTY_FEED, records);
  return Object.fromEntries(feed.rows.map((row) => [row.id, waitOf(row, feed)]));
};

describe("mergeRecords", () => {
  it("shows a call as running until its outcome arrives, in the same row", () => {
    const running = mergeRecords(EMPTY_FEED, [intent(1, "a")]);
    expect(running.rows).toMatchObject([{ id: "a", status: undefined, decision: "allow" }]);
    const done = mergeRecords(running, [outcome(4, "a")]);
    expect(done.rows).toMatchObject([{ id: "a", seq: 1, status: "ok", durationMs: 12 }]);
  });

  it("gives the same rows whatever the order, and however often a record comes", () => {
    const records = [intent(1, "a"), intent(2, "b"), outcome(3, "b"), outcome(4, "a")];
    const forwards = mergeRecords(EMPTY_FEED, records);
    const backwards = mergeRecords(mergeRecords(EMPTY_FEED, records.toReversed()), records);
    expect(backwards.rows).toEqual(forwards.rows);
    expect(forwards.rows.map((row) => row.id)).toEqual(["b", "a"]);
  });

  it("does not let a late intent undo an outcome", () => {
    const denied = record(2, "outcome", { call_id: "a", decision: "deny", reason: "not_granted", status: "denied" });
    expect(mergeRecords(mergeRecords(EMPTY_FEED, [denied]), [intent(1, "a")]).rows).toMatchObject([{ decision: "deny", reason: "not_granted", status: "denied" }]);
  });

  it("keeps a refusal that has no call id", () => {
    expect(mergeRecords(EMPTY_FEED, [record(7, "outcome", { decision: "deny", status: "denied" })]).rows).toMatchObject([{ id: "7", status: "denied" }]);
  });

  it("leaves out what is not a call, but remembers how far it read", () => {
    expect(mergeRecords(EMPTY_FEED, [record(3, "config"), record(4, "sign_in")])).toEqual({ ...EMPTY_FEED, oldestSeq: 3 });
  });

  it("is bounded and keeps the newest", () => {
    const feed = mergeRecords(EMPTY_FEED, Array.from({ length: MAX_ROWS + 50 }, (_, index) => intent(index + 1, `c${index}`)));
    expect(feed.rows).toHaveLength(MAX_ROWS);
    expect(feed.rows[0]?.seq).toBe(MAX_ROWS + 50);
  });

  it("keeps untouched rows identical, so that they are not drawn again", () => {
    const before = mergeRecords(EMPTY_FEED, [intent(1, "a"), intent(2, "b")]);
    const after = mergeRecords(before, [outcome(3, "b")]);
    expect(after.rows[1]).toBe(before.rows[1]);
    expect(after.rows[0]).not.toBe(before.rows[0]);
  });
});

it("says reasons in plain words, and shows codes that it does not know", () => {
  expect(strings.reasonWords("denied_by_grant")).toBe("A grant denies it");
  expect(strings.reasonWords("something_new")).toBe("something_new");
  expect(strings.reasonWords("constructor")).toBe("constructor");
});

describe("a call that a person is asked about", () => {
  it("waits from the moment it is asked about, also after its agent was told to come back", () => {
    expect(waits([question(1, "asked")])).toEqual({ a: "waiting" });
    expect(waits([question(1, "asked"), told(2)])).toEqual({ a: "waiting" });
    expect(waits([told(2)])).toEqual({ a: "waiting" });
  });

  it.each([
    ["approved", "allowed"],
    ["approved_for_session", "allowed"],
    ["allowed", "allowed"],
    ["denied", "denied"],
    ["expired", "expired"],
    ["cancelled", "cancelled"],
  ])("that was told to come back says what became of it: %s", (status, wait) => {
    const records = [question(1, "asked"), told(2), told(3, "b"), question(4, status)];
    // Another call may have waited for the same answer; and the trail is read backwards.
    expect(waits(records)).toEqual({ a: wait, b: wait });
    expect(waits(records.toReversed())).toEqual({ a: wait, b: wait });
  });

  it("goes on with the answer, and is then what its outcome says", () => {
    const yes = [question(1, "asked"), question(2, "approved")];
    expect(waits(yes)).toEqual({ a: undefined });
    const done = mergeRecords(EMPTY_FEED, [...yes, intent(3, "a"), outcome(4, "a")]);
    expect(done.rows).toMatchObject([{ id: "a", seq: 1, decision: "allow", status: "ok" }]);
    expect(waits([...yes, intent(3, "a"), outcome(4, "a")])).toEqual({ a: undefined });
    const denied = record(3, "outcome", { call_id: "a", decision: "deny", approval: "p1", status: "denied", reason: "approval_denied" });
    expect(waits([question(1, "asked"), question(2, "denied"), denied])).toEqual({ a: undefined });
  });

  it("that a gateway took along when it ended does not wait for ever", () => {
    expect(waits([question(1, "asked"), question(5, "cancelled")])).toEqual({ a: "cancelled" });
  });
});

describe("matches", () => {
  const row = mergeRecords(EMPTY_FEED, [outcome(1, "a")]).rows[0];
  it.each([
    [{ decision: undefined, text: "READ_" }, true],
    [{ decision: "deny" as const, text: undefined }, false],
    [{ decision: "allow" as const, text: "gmail" }, false],
  ])("%j", (filter, expected) => {
    expect(row && matches(row, filter)).toBe(expected);
  });
});

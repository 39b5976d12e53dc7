import { describe, expect, it } from "vitest";

import type { AuditRecord } from "../../../api/types";
import { counter, exportPath, verifyCommand } from "../export";
import { chipsOf } from "./chips";
import { filterOf, isEmpty, matches, mayHideOutcomes, queryOf, type TrailFilter } from "./filter";

const record: AuditRecord = {
  seq: 7,
  time: "2026-11-20T12:00:00.000Z",
  kind: "outcome",
  call_id: "c1",
  user: "ana",
  agent: "claude",
  tool: "gmail.send",
  effect: "destructive",
  decision: "deny",
  reason: "not_granted",
  status: "denied",
};

describe("matches", () => {
  it.each<[TrailFilter, boolean | "unknown"]>([
    [{}, true],
    [{ user: "ana", connection: "gmail", decision: "deny", reason: "not_granted", effect: "destructive", status: "denied", kind: "outcome", tool: "gmail.send" }, true],
    [{ user: "an" }, false],
    [{ connection: "gmai" }, false],
    [{ tool: "gmail" }, false],
    [{ agent: "claude" }, true],
    [{ agent: "ana/claude" }, true],
    [{ agent: "bo/claude" }, false],
    [{ effect: "unknown" }, false],
    [{ since: "2026-11-20T12:00:00Z" }, true],
    [{ since: "2026-11-20T12:00:00.001Z" }, false],
    [{ until: "2026-11-20T12:00:00Z" }, true],
    [{ until: "2026-11-20T11:59:59.999Z" }, false],
    [{ team: "sales" }, "unknown"],
    [{ text: "hello" }, "unknown"],
    [{ text: "hello", user: "bo" }, false],
  ])("%j: %s", (filter, expected) => {
    expect(matches(record, filter)).toBe(expected);
  });

  it("takes an effect that nobody confirmed for unknown, of calls only", () => {
    const { effect: _, ...without } = record;
    expect(matches(without, { effect: "unknown" })).toBe(true);
    const { call_id: __, ...service } = without;
    expect(matches(service, { effect: "unknown" })).toBe(false);
  });
});

it("reads whatever stands in an address, and nothing else", () => {
  expect(filterOf({ user: "ana", text: 42, range: "week", since: "nonsense", kind: "", other: "x" })).toEqual({ user: "ana", text: "42", range: "week" });
  expect(filterOf({ range: "week", since: "2026-11-20T12:00:00Z" })).toEqual({ since: "2026-11-20T12:00:00Z" });
  expect(isEmpty(filterOf({ range: "century" }))).toBe(true);
});

it("counts a range back from now, and a day from its local start", () => {
  const now = new Date(2026, 10, 20, 15, 30).getTime();
  expect(queryOf({ range: "hour", user: "ana" }, now)).toEqual({ user: "ana", since: new Date(now - 3_600_000).toISOString() });
  expect(queryOf({ range: "today" }, now)).toEqual({ since: new Date(2026, 10, 20).toISOString() });
  expect(queryOf({}, now)).toEqual({});
});

it.each([
  [{}, false],
  [{ user: "ana", tool: "gmail.send", team: "sales", effect: "read", connection: "gmail" }, false],
  [{ kind: "intent" }, true],
  [{ until: "2026-11-20T12:00:00Z" }, true],
])("knows whether %j may hide outcomes", (filter, expected) => {
  expect(mayHideOutcomes(filter)).toBe(expected);
});

it("says a filter in words", () => {
  expect(chipsOf({ reason: "not_granted", effect: "read", kind: "something_new", text: "<b>" }).map(({ label }) => label)).toEqual([
    "Text: <b>",
    "Reason: Nothing allows it",
    "What the tool does: Reads",
    "Kind: something_new",
  ]);
});

it("escapes what goes into an address", () => {
  expect(exportPath("jsonl", { text: "a&format=csv" })).toBe("/api/v1/audit/export?format=jsonl&text=a%26format%3Dcsv");
});

it("gives the command that verifies an export, of which a shell is to understand nothing", () => {
  expect(verifyCommand("agw+1f+AQ==")).toBe("agw audit verify agw-audit.tlog --key agw+1f+AQ==");
  expect(verifyCommand("$(reboot) it's")).toContain(`--key '$(reboot) it'\\''s'`);
});

it.each([
  ["jsonl", '{"a":"\\n"}\n{}\n'],
  ["csv", 'seq,detail\n1,"a\nb"""\n2,x\n'],
  ["tlog", "agw-tlog/1 x 2 3 all\nh 0 0 rrr=\nr {}\nt rrr\nr {}\nc rrr\n"],
] as const)("counts the records of %s wherever its pieces end", (format, text) => {
  const bytes = new TextEncoder().encode(text);
  const whole = counter(format)(bytes);
  const count = counter(format);
  expect(whole).toBe(2);
  expect([...bytes].map((byte) => count(Uint8Array.of(byte))).at(-1)).toBe(2);
});

import { afterEach, describe, expect, it, vi } from "vitest";

import { createApiClient } from "../../../api/client";
import type { EventFeed } from "../../../api/events";
import type { AuditPage, AuditRecord } from "../../../api/types";
import { fakeHost, type Reply } from "../../../test/gateway";
import type { TrailFilter } from "./filter";
import { MOST_LIVE, MOST_PAGES, MOST_ROWS, MOST_WAITING, TrailReader } from "./trail-reader";

const record = (seq: number, rest: Partial<AuditRecord> = {}): AuditRecord => ({ seq, time: "2026-11-20T12:00:00.000Z", kind: "config", ...rest });
const records = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => record(from - index));
const page = (shown: AuditRecord[], next?: number): { body: AuditPage } => ({ body: { records: shown, ...(next === undefined ? {} : { next }), searched_to: "2026-11-19T00:00:00Z" } });

/** A reader on a gateway that is a function of `before`. */
function reading(answer: (before: number | undefined) => Reply | Promise<Reply>, filter: TrailFilter = {}) {
  const { host, seen } = fakeHost(({ path }) => {
    const before = new URL(path, "http://x").searchParams.get("before");
    return answer(before === null ? undefined : Number(before));
  });
  let hear: (record: AuditRecord) => void;
  let gap: () => void;
  const events: EventFeed = {
    onAudit: (listener) => {
      hear = listener;
      return () => {};
    },
    onGap: (listener) => {
      gap = listener;
      return () => {};
    },
  };
  const reader = new TrailReader(createApiClient(host), filter);
  const end = reader.start(events);
  return { reader, seen, hear: (heard: AuditRecord) => hear(heard), gap: () => gap(), end, seqs: () => reader.snapshot().rows.map((row) => row.seq) };
}

const idle = (reader: TrailReader) => vi.waitFor(() => expect(reader.snapshot().reading).toBe(false));
const drawn = () => new Promise((resolve) => setTimeout(resolve, 150));

let open: (() => void) | undefined;
afterEach(() => open?.());

describe("reading back", () => {
  it("goes on by itself over empty pages until it has found something or the trail ends", async () => {
    const { reader, seen, seqs, end } = reading((before) => (before === undefined ? page([], 900) : before === 900 ? page([record(850)], 800) : page([])), { text: "x" });
    open = end;
    await idle(reader);
    expect(seqs()).toEqual([850]);
    expect(seen).toHaveLength(3);
    expect(reader.snapshot()).toMatchObject({ more: false, searchedTo: "2026-11-19T00:00:00Z" });
  });

  it("rests after enough, and takes the page up where it ended", async () => {
    const { reader, seen, seqs, end } = reading((before) => (before === undefined ? page(records(300, 201), 201) : page(records(before - 1, before - 100))));
    open = end;
    await idle(reader);
    expect(seen).toHaveLength(1);
    expect(reader.snapshot().more).toBe(true);
    reader.readOlder();
    await idle(reader);
    expect(seen[1]?.path).toContain("before=201");
    expect([seqs().length, seqs().at(-1)]).toEqual([200, 101]);
  });

  it("is bounded, and can be stopped and taken up again", async () => {
    let asked = 0;
    const bounded = reading(() => page([], 1_000_000 - (asked += 1)));
    await idle(bounded.reader);
    expect(bounded.seen).toHaveLength(MOST_PAGES);
    expect(bounded.reader.snapshot()).toMatchObject({ more: true, rows: [] });
    bounded.end();

    let answer: ((reply: Reply) => void) | undefined;
    const stopped = reading((before) => (before === undefined ? page([record(9)], 9) : new Promise<Reply>((resolve) => (answer = resolve))));
    open = stopped.end;
    await vi.waitFor(() => expect(stopped.seen).toHaveLength(2));
    stopped.reader.stop();
    expect(stopped.reader.snapshot()).toMatchObject({ reading: false, more: true });
    answer?.(page([record(5)]));
    await drawn();
    // What came after the stop is not taken, and not lost either.
    expect(stopped.seqs()).toEqual([9]);
    stopped.reader.readOlder();
    await vi.waitFor(() => expect(stopped.seen).toHaveLength(3));
    expect(stopped.seen[2]?.path).toContain("before=9");
  });

  it("says why it failed and keeps what it had", async () => {
    const { reader, seqs, end } = reading((before) => (before === undefined ? page(records(300, 201), 201) : { status: 500, body: { code: "internal", message: "Broken.", next: "Look." } }));
    open = end;
    await idle(reader);
    reader.readOlder();
    await idle(reader);
    expect(reader.snapshot().error?.message).toBe("Broken.");
    expect(seqs()).toHaveLength(100);
  });

  it("keeps a bounded list: the newest fall off when one reads far back", async () => {
    const { reader, seqs, end } = reading((before) => page(records((before ?? 5_001) - 1, (before ?? 5_001) - 100), (before ?? 5_001) - 100));
    open = end;
    await idle(reader);
    for (let pages = 1; pages <= MOST_ROWS / 100; pages += 1) {
      reader.readOlder();
      // oxlint-disable-next-line no-await-in-loop
      await idle(reader);
    }
    expect(seqs()).toHaveLength(MOST_ROWS);
    expect([seqs()[0], reader.snapshot().cut]).toEqual([4_900, true]);
    reader.showWaiting();
    await idle(reader);
    expect([seqs()[0], reader.snapshot().cut]).toEqual([5_000, false]);
  });
});

describe("what comes in", () => {
  it("is on top at once while it follows, and once only", async () => {
    const { reader, hear, seqs, end } = reading(() => page([record(5)]));
    open = end;
    await idle(reader);
    hear(record(6));
    hear(record(6));
    hear(record(4));
    await drawn();
    expect(seqs()).toEqual([6, 5]);
  });

  it("waits while somebody reads further down; only rows that stand there change", async () => {
    const { reader, hear, seqs, end } = reading(() => page([record(5, { kind: "intent", call_id: "a" })]));
    open = end;
    await idle(reader);
    reader.follow(false);
    hear(record(6, { kind: "intent", call_id: "b" }));
    hear(record(7, { kind: "outcome", call_id: "b", status: "ok" }));
    hear(record(8, { kind: "outcome", call_id: "a", status: "failed" }));
    await drawn();
    expect(seqs()).toEqual([5]);
    expect(reader.snapshot()).toMatchObject({ waiting: 1, rows: [{ status: "failed" }] });
    reader.showWaiting();
    expect(seqs()).toEqual([6, 5]);
    expect(reader.snapshot().waiting).toBe(0);
  });

  it("takes nothing away from somebody who reads far down", async () => {
    const { reader, hear, seqs, end } = reading((before) => page([record((before ?? 1_001) - 1, { kind: "intent", call_id: `c${before}` }), ...records((before ?? 1_001) - 2, (before ?? 1_001) - 100)], (before ?? 1_001) - 100));
    open = end;
    await idle(reader);
    for (let pages = 1; pages < 5; pages += 1) {
      reader.readOlder();
      // oxlint-disable-next-line no-await-in-loop
      await idle(reader);
    }
    reader.follow(false);
    hear(record(1_001, { kind: "outcome", call_id: "cundefined", status: "ok" }));
    await drawn();
    expect([seqs().length, reader.snapshot().rows[0]?.status]).toEqual([500, "ok"]);
  });

  it("is shown when the reader comes back to the top", async () => {
    const { reader, hear, seqs, end } = reading(() => page([record(5)]));
    open = end;
    await idle(reader);
    reader.follow(false);
    hear(record(6));
    await drawn();
    reader.follow(true);
    expect(seqs()).toEqual([6, 5]);
  });

  it("is left out when the filter hides it", async () => {
    const { reader, hear, seqs, end } = reading(() => page([record(5, { user: "ana" })]), { user: "ana" });
    open = end;
    await idle(reader);
    hear(record(6, { user: "bo" }));
    hear(record(7, { user: "ana" }));
    await drawn();
    expect(seqs()).toEqual([7, 5]);
  });

  it("is not lost when it comes while the list is being read", async () => {
    let answer: ((reply: Reply) => void) | undefined;
    const { reader, hear, seqs, seen, end } = reading(() => new Promise<Reply>((resolve) => (answer = resolve)));
    open = end;
    await vi.waitFor(() => expect(seen).toHaveLength(1));
    hear(record(6));
    await drawn();
    answer?.(page([record(5)]));
    await idle(reader);
    expect(seqs()).toEqual([6, 5]);
  });

  it("keeps a short list on top of which much comes in, and reads what fell off again when asked", async () => {
    const { reader, hear, seqs, seen, end } = reading((before) => page(records((before ?? 101) - 1, Math.max(1, (before ?? 101) - 100)), before === undefined ? 1 : undefined));
    open = end;
    await idle(reader);
    for (let seq = 101; seq <= 500; seq += 1) hear(record(seq));
    await drawn();
    expect([seqs().length, seqs()[0], seqs().at(-1)]).toEqual([MOST_LIVE, 500, 500 - MOST_LIVE + 1]);
    reader.readOlder();
    await idle(reader);
    expect(seen.at(-1)?.path).toContain(`before=${500 - MOST_LIVE + 1}`);
    expect(seqs()).toHaveLength(MOST_LIVE + 100);
  });

  it("is read again when there is too much of it", async () => {
    let newest = 5;
    const { reader, hear, seqs, end } = reading(() => page([record(newest)]));
    open = end;
    await idle(reader);
    reader.follow(false);
    for (let seq = 6; seq <= MOST_WAITING + 10; seq += 1) hear(record(seq));
    await drawn();
    expect(reader.snapshot().waiting).toBe(Infinity);
    newest = 9_999;
    reader.showWaiting();
    await idle(reader);
    expect(seqs()).toEqual([9_999]);
  });

  it("is asked of the gateway where only that knows what matches", async () => {
    let shown = [record(5)];
    const { reader, hear, seqs, seen, end } = reading(() => page(shown), { text: "hello" });
    open = end;
    await idle(reader);
    hear(record(6));
    hear(record(7));
    expect(seqs()).toEqual([5]);
    shown = [record(7), record(5)];
    await vi.waitFor(() => expect(seqs()).toEqual([7, 5]), 4_000);
    expect(seen).toHaveLength(2);
  });

  it("is all read again after a gap that one page does not close", async () => {
    let newest = 100;
    const { reader, gap, seqs, end } = reading(() => page(records(newest, newest - 99), newest - 99));
    open = end;
    await idle(reader);
    newest = 2_000;
    gap();
    await vi.waitFor(() => expect([seqs()[0], seqs().at(-1)]).toEqual([2_000, 1_901]), 4_000);
    expect(seqs()).toHaveLength(100);
  });

  it("is added after a gap that one page closes, and what was read further back stays", async () => {
    let newest = 200;
    const { reader, gap, seqs, end } = reading((before) => page(records((before ?? newest + 1) - 1, (before ?? newest + 1) - 100), (before ?? newest + 1) - 100));
    open = end;
    await idle(reader);
    reader.readOlder();
    await idle(reader);
    newest = 230;
    gap();
    await vi.waitFor(() => expect(seqs()[0]).toBe(230), 4_000);
    expect([seqs().length, seqs().at(-1)]).toEqual([230, 1]);
  });
});

import { expect, it } from "vitest";

import { size } from "./size";
import { ago, dayOrTime } from "./time";

const now = Date.parse("2026-11-20T12:00:00Z");

it.each([
  ["2026-11-20T12:00:01Z", "0 s ago"],
  ["2026-11-20T11:59:01Z", "59 s ago"],
  ["2026-11-20T11:01:00Z", "59 min ago"],
  ["2026-11-19T12:00:01Z", "23 h ago"],
  ["2026-11-19T12:00:00Z", "1 day ago"],
  ["2026-11-01T12:00:00Z", "19 days ago"],
  ["soon", "soon"],
])("%s is %s", (time, expected) => {
  expect(ago(time, now)).toBe(expected);
});

it("names the day of what is not of today", () => {
  expect(dayOrTime("2026-11-20T12:00:00Z", now)).not.toMatch(/20/);
  expect(dayOrTime("2026-11-18T12:00:00Z", now)).toMatch(/18/);
});

it.each([
  [0, "0 bytes"],
  [1_023, "1,023 bytes"],
  [1_536, "1.5 KiB"],
  [123_456_789, "118 MiB"],
  [2 ** 50, "1,024 TiB"],
])("%d is %s", (bytes, expected) => {
  expect(size(bytes)).toBe(expected);
});

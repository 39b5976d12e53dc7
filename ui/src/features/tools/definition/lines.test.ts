import { describe, expect, it } from "vitest";

import { changedPart, compare, linesOf } from "./lines";

describe("linesOf", () => {
  it("keeps numbers as written, and gives each line of a text a line", () => {
    expect(linesOf(String.raw`{"big":12345678901234567890,"text":"one\ntwo C:\\new\n"}`)).toEqual(["{", '  "big": 12345678901234567890,', String.raw`  "text": "one\n`, String.raw`two C:\\new\n`, '"', "}"]);
  });

  it("shows what is no JSON as it is", () => {
    expect(linesOf("{")).toEqual(["{"]);
    expect(linesOf("")).toEqual([""]);
  });
});

const rows = (before: string, after: string) => compare([...before], [...after]).map((row) => `${row.before ?? "-"}${row.after ?? "-"}`);

describe("compare", () => {
  it("puts what is the same next to each other", () => {
    expect(rows("abcd", "abcd")).toEqual(["aa", "bb", "cc", "dd"]);
    expect(rows("abd", "abcd")).toEqual(["aa", "bb", "-c", "dd"]);
    expect(rows("axd", "ayzd")).toEqual(["aa", "xy", "-z", "dd"]);
    expect(rows("abcd", "acbd")).toEqual(["aa", "b-", "cc", "-b", "dd"]);
    expect(rows("", "a")).toEqual(["-a"]);
  });

  it("loses no line, however many there are", () => {
    const [before, after] = [Array.from({ length: 3_000 }, (_, n) => `a${n}`), Array.from({ length: 4_000 }, (_, n) => `b${n}`)];
    const all = compare(before, after);
    expect(all.map((row) => row.before).filter((line) => line !== undefined)).toEqual(before);
    expect(all.map((row) => row.after).filter((line) => line !== undefined)).toEqual(after);
  });
});

it("says which part of a line differs, in whole characters", () => {
  expect(changedPart("Reads a file.", "Reads it.")).toEqual(["Reads ", "a file", "."]);
  expect(changedPart("S\u0430ys", "Says")).toEqual(["S", "\u0430", "ys"]);
  expect(changedPart("\u{1f600}", "\u{1f601}")).toEqual(["", "\u{1f600}", ""]);
  expect(changedPart("aa", "a")).toEqual(["a", "a", ""]);
});

import { describe, expect, it } from "vitest";

import { formatJson, parseJson } from "./json";

describe("parseJson", () => {
  it("keeps numbers as they were written", () => {
    expect(parseJson("[12345678901234567890, 1.10, -0, 1E400]")).toEqual({
      kind: "list",
      items: ["12345678901234567890", "1.10", "-0", "1E400"].map((text) => ({ kind: "literal", text })),
    });
  });

  it("reads what JSON allows", () => {
    expect(parseJson(' {"a\\u0041": "\\"x\\n", "b": {}, "c": [], "d": null} ')).toEqual({
      kind: "object",
      entries: [
        ["aA", { kind: "text", text: '"x\n' }],
        ["b", { kind: "object", entries: [] }],
        ["c", { kind: "list", items: [] }],
        ["d", { kind: "literal", text: "null" }],
      ],
    });
  });

  it.each(["", "{", '{"a":}', "[1,]", '{"a" 1}', "1 2", "nul", '"\\x"', "[".repeat(100) + "]".repeat(100)])("refuses %j", (json) => {
    expect(parseJson(json)).toBeUndefined();
  });

  it("is not slow on a long text", () => {
    expect(parseJson(JSON.stringify("x\\".repeat(100_000)))?.kind).toBe("text");
  });
});

describe("formatJson", () => {
  it("lays out what was sent and changes no number", () => {
    const source = '{"id":12345678901234567890,"tags":["a",{}],"none":[],"sum":1.10,"note":"a\\"\\n"}';
    const parsed = parseJson(source);
    expect(parsed && formatJson(parsed)).toBe('{\n  "id": 12345678901234567890,\n  "tags": [\n    "a",\n    {}\n  ],\n  "none": [],\n  "sum": 1.10,\n  "note": "a\\"\\n"\n}');
  });
});

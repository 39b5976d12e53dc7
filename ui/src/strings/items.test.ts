import { expect, it } from "vitest";

import { deed, itemOf } from "./items";

it.each([
  ["gmail.send", "tool", "gmail", "send"],
  ["files.v1.read/all", "tool", "files", "v1.read/all"],
  ["docs.@prompt/Code review", "prompt", "docs", "Code review"],
  ["docs.@resource/file:///a.b/@prompt/x", "resource", "docs", "file:///a.b/@prompt/x"],
  ["gone", "tool", "", "gone"],
] as const)("reads %s", (id, kind, connection, own) => {
  expect(itemOf(id)).toEqual({ kind, connection, own });
});

it.each([
  ["gmail.send", "call gmail.send"],
  ["docs.@prompt/Code review", "get the prompt Code review of docs"],
  ["docs.@resource/file:///a?b=%20", "read the resource file:///a?b=%20 of docs"],
])("says what is done with %s", (id, said) => {
  expect(deed(id)).toBe(said);
});

it("is as short as a label must be", () => {
  expect(deed(`docs.@resource/file:///${"x".repeat(2_000)}`).length).toBeLessThan(180);
});

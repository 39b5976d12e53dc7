import { expect, it } from "vitest";

import { isPattern, patternMatches } from "./patterns";

it.each([
  ["*", "fs.read", true],
  ["fs.*", "fs.read", true],
  ["fs.read", "fs.read", true],
  ["fs.*", "fsx.read", false],
  ["fs.read", "fs.read_file", false],
  ["f*", "fs.read", false],
])("pattern %s on %s: %s", (pattern, tool, expected) => {
  expect(patternMatches(pattern, { id: tool })).toBe(expected);
});

it.each([
  ["fs.*:read", "read", true],
  ["*:read", "read", true],
  ["*:read", undefined, false],
  ["*:write", undefined, true],
  ["fs.*:destructive", "write", false],
  ["gmail.*:read", "read", false],
] as const)("pattern %s on fs.x of effect %s: %s", (pattern, effect, expected) => {
  expect(patternMatches(pattern, { id: "fs.x", effect })).toBe(expected);
});

it("takes a pattern's row for all of its tools, whatever their effect", () => {
  expect(patternMatches("*", { id: "fs.*" })).toBe(true);
  expect(patternMatches("*:write", { id: "fs.*" })).toBe(false);
  expect(patternMatches("fs.*:write", { id: "fs.*:write" })).toBe(true);
});

const resource = "docs.@resource/file:///a/b.txt";

/** The cases of core/src/names.rs, `patterns_match_what_they_say`: an effect of write. */
it.each([
  ["*", true],
  ["gmail.*", true],
  ["gmail.send", true],
  ["*:write", true],
  ["gmail.*:write", true],
  ["write", true],
  ["read", false],
  ["gmail.*:destructive", false],
  ["gma.*", false],
  ["gmail.read", false],
])("as in core, %s on gmail.send: %s", (pattern, expected) => {
  expect(patternMatches(pattern, { id: "gmail.send", effect: "write" })).toBe(expected);
  expect(patternMatches(pattern, { id: "gmail.send" })).toBe(expected);
});

/** And those of `prompts_and_resources_have_names_of_their_own`, where the effect is always read. */
it.each([
  ["docs.@resource/file:///a/*", true],
  ["docs.@resource/*", true],
  [resource, true],
  ["docs.*", true],
  ["*:read", true],
  ["docs.*:write", false],
  ["docs.@resource/file:///b*", false],
  ["docs.@prompt/*", false],
  ["other.@resource/*", false],
])("as in core, %s on a resource: %s", (pattern, expected) => {
  expect(patternMatches(pattern, { id: resource })).toBe(expected);
  // Whatever somebody may have said.
  expect(patternMatches(pattern, { id: resource, effect: "write" })).toBe(expected);
});

it.each(["docs.@*", "docs.@resource*", "docs.@resource/a/../*", "docs.@x/*", "docs.@prompt/", "gmail.se*", "**", "", ".*", "*.send", "*:", ":read", "*:Read", "*:read:read", "gmail.send:read", "gmail:read"])(
  "the bad pattern %s matches no tool",
  (pattern) => {
    for (const id of ["gmail.send", "x.y"]) expect(patternMatches(pattern, { id, effect: "read" })).toBe(false);
  },
);

it.each([
  ["gmail.send", false],
  ["docs.@resource/file:///a:b", false],
  ["docs.@resource/file:///a*b", false],
  ["docs.@prompt/Code: review", false],
  ["docs.@resource/file:///a:*", true],
  ["docs.@prompt/*", true],
  ["gmail.*:read", true],
  ["read", true],
])("%s is a pattern: %s", (text, expected) => {
  expect(isPattern(text)).toBe(expected);
});

it("names wider patterns as the reasons of narrower rows, and none of an effect but where all is read", () => {
  expect(patternMatches("docs.@resource/*", { id: "docs.@resource/file:///*" })).toBe(true);
  expect(patternMatches("docs.@resource/file:///*", { id: "docs.@resource/*" })).toBe(false);
  expect(patternMatches("docs.*:read", { id: "docs.@prompt/*" })).toBe(true);
  expect(patternMatches("docs.*:read", { id: "docs.*" })).toBe(false);
  expect(patternMatches("docs.*", { id: "*" })).toBe(false);
  expect(patternMatches("docs.*", { id: "docs.*:read" })).toBe(true);
});

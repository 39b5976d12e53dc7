import { describe, expect, it } from "vitest";

import type { Agent, Effect, Grant, Team, Tool, ToolKind, User } from "../../api/types";
import { conditionalGrants, directGrant, findSubject, groupTools, inForce, inheritedGrants, isPattern, outsideScope, patternMatches, type Subject, teamVerdict } from "./resolve";

const created_at = "2026-01-01T00:00:00Z";
const grant = (subject: string, tool: string, effect: Effect): Grant => ({ id: `${subject} ${tool}`, subject, tool, effect, version: 1, created_at });
const ana: User = { id: "u1", name: "ana", role: "member", can_sign_in: true, paused: false, teams: ["sales"], has_token: true, agents: 1, version: 1, created_at };
const desk: Agent = { id: "a1", user: "ana", name: "desk", scope: ["fs.*"], uses: 0, forwarded: 0, client_timeout_seconds: 60, paused: false, version: 1, created_at };
const sales: Team = { id: "t1", name: "sales", members: ["ana"], version: 1 };
const user: Subject = { kind: "user", key: "ana", user: ana };
const agent: Subject = { kind: "agent", key: "ana/desk", user: ana, agent: desk };

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

describe("inheritedGrants", () => {
  const grants = [grant("ana", "fs.*", "allow"), grant("team:sales", "fs.read", "deny"), grant("team:ops", "*", "allow"), grant("ana", "fs.read", "allow"), grant("ana/desk", "fs.read", "deny")];

  it("names patterns and teams, denials first, and leaves out the row's own grant", () => {
    expect(inheritedGrants(grants, user, { id: "fs.read" }).map((found) => found.grant.id)).toEqual(["team:sales fs.read", "ana fs.*"]);
  });

  it("gives an agent what bears on its owner", () => {
    expect(inheritedGrants(grants, agent, { id: "fs.read" }).map((found) => found.grant.id)).toEqual(["team:sales fs.read", "ana fs.*", "ana fs.read"]);
  });

  it("does not show an agent's grants to its owner, nor other teams' to anyone", () => {
    expect(inheritedGrants(grants, user, { id: "gmail.send" })).toEqual([]);
  });
});

it("tells which tools an agent's scope leaves out", () => {
  expect(outsideScope(agent, { id: "gmail.send" })).toBe(true);
  expect(outsideScope(agent, { id: "fs.read" })).toBe(false);
  expect(outsideScope(user, { id: "gmail.send" })).toBe(false);
  expect(outsideScope({ ...agent, agent: { ...desk, scope: [] } }, { id: "gmail.send" })).toBe(false);
});

it("denies for a team as soon as one grant does", () => {
  const grants = [grant("team:sales", "*", "deny"), grant("team:sales", "fs.read", "allow")];
  expect(teamVerdict(grants, "team:sales", { id: "fs.read" })).toBe("deny");
  expect(teamVerdict(grants.slice(1), "team:sales", { id: "fs.read" })).toBe("allow");
  expect(teamVerdict(grants, "team:ops", { id: "fs.read" })).toBe("nothing");
});

it("lists granted tools that are not offered now, so that no grant hides", () => {
  const tools = [{ id: "fs.read", mcp_name: "fs_read", connection: "fs", description: "Reads" }];
  const groups = groupTools(tools, [grant("ana", "gone.tool", "allow"), grant("ana", "old.*", "allow"), grant("bo", "other.tool", "allow")], "ana");
  expect(groups.map((group) => [group.connection, group.tools.map((tool) => tool.id)])).toEqual([
    ["", []],
    ["fs", ["fs.read"]],
    ["gone", ["gone.tool"]],
    ["old", []],
  ]);
});

it.each([
  ["ana", "user"],
  ["ana/desk", "agent"],
  ["team:sales", "team"],
  ["bo", undefined],
  ["ana/none", undefined],
  ["team:none", undefined],
])("finds %s as %s", (key, kind) => {
  expect(findSubject(key, [ana], [desk], [sales])?.kind).toBe(kind);
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

it("says what is in force as far as that can be said without arguments", () => {
  const asks = [grant("ana", "fs.*", "allow"), grant("team:sales", "fs.read", "ask")];
  expect(inForce(asks, user, { id: "fs.read" }, true)).toBe("ask");
  expect(inForce(asks, user, { id: "fs.read" }, false)).toBe("deny");
  expect(inForce([...asks, { ...grant("ana", "fs.read", "deny"), when: "args.n > 1" }], user, { id: "fs.read" }, true)).toBe("depends");
});

it("keeps the conditional grants of a row apart from the one that always counts", () => {
  const grants = [{ ...grant("ana", "fs.read", "deny"), when: "args.n > 1" }, grant("ana", "fs.read", "allow")];
  expect(directGrant(grants, "ana", "fs.read")?.effect).toBe("allow");
  expect(conditionalGrants(grants, "ana", "fs.read")).toHaveLength(1);
});

it("gives a granted pattern of an effect a row of its own", () => {
  const groups = groupTools([], [grant("ana", "gmail.*:read", "allow"), grant("ana", "*:destructive", "ask")], "ana");
  expect(groups.map((group) => group.patterns)).toEqual([["*", "*:destructive"], ["gmail.*", "gmail.*:read"]]);
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

const offered = (id: string, kind: ToolKind, grant_as = id): Tool => ({ id, kind, grant_as, mcp_name: id, connection: "docs", description: "" });

describe("prompts and resources in the table", () => {
  const offers = [
    offered(resource, "resource"),
    offered("docs.@resource/note:///{id}", "template", "docs.@resource/note:///*"),
    offered("docs.zip", "tool"),
    offered("docs.@prompt/review", "prompt"),
  ];
  const group = (grants: Grant[]) => groupTools(offers, grants, "ana").find(({ connection }) => connection === "docs");

  it("stand behind the tools, with a row for all of a kind", () => {
    const docs = group([grant("ana", "docs.@resource/file:///c", "allow"), grant("ana", "docs.@resource/file:///d/*", "deny")]);
    expect(docs?.patterns).toEqual(["docs.*", "docs.@prompt/*", "docs.@resource/*", "docs.@resource/file:///d/*"]);
    expect(docs?.tools.map(({ id }) => id)).toEqual(["docs.zip", "docs.@prompt/review", resource, "docs.@resource/file:///c", "docs.@resource/note:///{id}"]);
  });

  it("have a template granted with what comes of it, in its own row", () => {
    const own = grant("ana", "docs.@resource/note:///*", "allow");
    const docs = group([own]);
    expect(docs?.patterns).toEqual(["docs.*", "docs.@prompt/*", "docs.@resource/*"]);
    const row = docs?.tools.find(({ kind }) => kind === "template");
    expect(row?.grantAs).toBe("docs.@resource/note:///*");
    expect(inheritedGrants([own], user, row ?? { id: "" })).toEqual([]);
    expect(inForce([own], user, row ?? { id: "" }, true)).toBe("allow");
  });
});

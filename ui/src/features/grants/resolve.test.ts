import { describe, expect, it } from "vitest";

import type { Agent, Effect, Grant, Team, User } from "../../api/types";
import { conditionalGrants, directGrant, findSubject, groupTools, inForce, inheritedGrants, outsideScope, patternMatches, type Subject, teamVerdict } from "./resolve";

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

import { describe, expect, it } from "vitest";

import type { Agent, Effect, Grant, Team, User } from "../../api/types";
import { findSubject, groupTools, inheritedGrants, outsideScope, patternMatches, type Subject, teamVerdict } from "./resolve";

const created_at = "2026-01-01T00:00:00Z";
const grant = (subject: string, tool: string, effect: Effect): Grant => ({ id: `${subject} ${tool}`, subject, tool, effect, version: 1, created_at });
const ana: User = { id: "u1", name: "ana", admin: false, teams: ["sales"], has_token: true, agents: 1, version: 1, created_at };
const desk: Agent = { id: "a1", user: "ana", name: "desk", scope: ["fs.*"], uses: 0, version: 1, created_at };
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
  expect(patternMatches(pattern, tool)).toBe(expected);
});

describe("inheritedGrants", () => {
  const grants = [grant("ana", "fs.*", "allow"), grant("team:sales", "fs.read", "deny"), grant("team:ops", "*", "allow"), grant("ana", "fs.read", "allow"), grant("ana/desk", "fs.read", "deny")];

  it("names patterns and teams, denials first, and leaves out the row's own grant", () => {
    expect(inheritedGrants(grants, user, "fs.read").map((found) => found.grant.id)).toEqual(["team:sales fs.read", "ana fs.*"]);
  });

  it("gives an agent what bears on its owner", () => {
    expect(inheritedGrants(grants, agent, "fs.read").map((found) => found.grant.id)).toEqual(["team:sales fs.read", "ana fs.*", "ana fs.read"]);
  });

  it("does not show an agent's grants to its owner, nor other teams' to anyone", () => {
    expect(inheritedGrants(grants, user, "gmail.send")).toEqual([]);
  });
});

it("tells which tools an agent's scope leaves out", () => {
  expect(outsideScope(agent, "gmail.send")).toBe(true);
  expect(outsideScope(agent, "fs.read")).toBe(false);
  expect(outsideScope(user, "gmail.send")).toBe(false);
  expect(outsideScope({ ...agent, agent: { ...desk, scope: [] } }, "gmail.send")).toBe(false);
});

it("denies for a team as soon as one grant does", () => {
  const grants = [grant("team:sales", "*", "deny"), grant("team:sales", "fs.read", "allow")];
  expect(teamVerdict(grants, "team:sales", "fs.read")).toBe("deny");
  expect(teamVerdict(grants.slice(1), "team:sales", "fs.read")).toBe("allow");
  expect(teamVerdict(grants, "team:ops", "fs.read")).toBeUndefined();
});

it("lists granted tools that are not offered now, so that no grant hides", () => {
  const tools = [{ id: "fs.read", mcp_name: "fs_read", connection: "fs", description: "Reads" }];
  const groups = groupTools(tools, [grant("ana", "gone.tool", "allow"), grant("ana", "old.*", "allow"), grant("bo", "other.tool", "allow")], "ana");
  expect(groups.map((group) => [group.connection, group.tools.map((tool) => tool.id)])).toEqual([
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

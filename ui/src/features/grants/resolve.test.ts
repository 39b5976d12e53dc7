import { describe, expect, it } from "vitest";

import type { Agent, Effect, Grant, Team, User } from "../../api/types";
import type { Target } from "./patterns";
import { type InForce, PermissionIndex } from "./resolve";
import { findSubject, type Subject, subjectsShown } from "./subject";

const created_at = "2026-01-01T00:00:00Z";
const grant = (subject: string, tool: string, effect: Effect, more: Partial<Grant> = {}): Grant => ({ id: `${subject} ${tool}`, subject, tool, effect, version: 1, created_at, ...more });
const ana: User = { id: "u1", name: "ana", role: "member", can_sign_in: true, paused: false, teams: ["sales"], has_token: true, agents: 1, version: 1, created_at };
const desk: Agent = { id: "a1", user: "ana", name: "desk", scope: ["fs.*"], uses: 0, forwarded: 0, client_timeout_seconds: 60, paused: false, version: 1, created_at };
const sales: Team = { id: "t1", name: "sales", members: ["ana"], version: 1 };
const user: Subject = { kind: "user", key: "ana", user: ana };
const agent: Subject = { kind: "agent", key: "ana/desk", user: ana, agent: desk };
const team: Subject = { kind: "team", key: "team:sales", team: sales };
const people = { users: [ana], agents: [desk], teams: [sales] };

const cell = (grants: Grant[], subject: Subject, target: Target, now = 0) => new PermissionIndex(grants, now).cell(subject, target);
const read = { id: "fs.read" };

describe("what is inherited", () => {
  const grants = [grant("ana", "fs.*", "allow"), grant("team:sales", "fs.read", "deny"), grant("team:ops", "*", "allow"), grant("ana", "fs.read", "allow"), grant("ana/desk", "fs.read", "deny")];
  const ids = (subject: Subject, target: Target) => cell(grants, subject, target).inherited.map(({ id }) => id);

  it("names patterns and teams, denials first, and leaves out the cell's own grant", () => {
    expect(ids(user, read)).toEqual(["team:sales fs.read", "ana fs.*"]);
  });

  it("gives an agent what bears on its owner", () => {
    expect(ids(agent, read)).toEqual(["team:sales fs.read", "ana fs.read", "ana fs.*"]);
  });

  it("does not show an agent's grants to its owner, nor other teams' to anyone", () => {
    expect(ids(user, { id: "gmail.send" })).toEqual([]);
  });
});

it("tells which tools an agent's scope leaves out, and takes an allow of its own for a way in", () => {
  const all = grant("ana", "*", "allow");
  const outside = cell([all], agent, { id: "gmail.send" });
  expect([outside.verdict, outside.outsideScope]).toEqual(["nothing", true]);
  expect(cell([all], agent, read).verdict).toBe("allow");
  expect(cell([all, grant("ana/desk", "gmail.send", "allow")], agent, { id: "gmail.send" }).verdict).toBe("allow");
  expect(cell([grant("ana/desk", "*", "allow")], agent, read).verdict).toBe("nothing");
  expect(cell([all], user, { id: "gmail.send" }).outsideScope).toBe(false);
});

it.each<[string, Grant[], Subject, InForce]>([
  ["no grant", [], user, "nothing"],
  ["an allow of a team", [grant("team:sales", "*", "allow")], user, "allow"],
  ["a team's deny beats an allow", [grant("team:sales", "*", "deny"), grant("ana", "fs.read", "allow")], user, "deny"],
  ["an ask beats an allow", [grant("ana", "fs.*", "allow"), grant("team:sales", "fs.read", "ask")], user, "ask"],
  ["a deny by itself", [grant("ana", "fs.read", "deny")], user, "deny"],
  ["a condition on an allow", [grant("ana", "fs.read", "allow", { when: "args.n > 1" })], user, "depends"],
  ["a condition that changes nothing", [grant("ana", "fs.read", "allow", { when: "args.n > 1" }), grant("ana", "fs.*", "allow")], user, "allow"],
  ["a condition on a deny", [grant("ana", "fs.read", "deny", { when: "args.n > 1" }), grant("ana", "fs.*", "allow")], user, "depends"],
  ["a condition beneath a deny", [grant("ana", "fs.read", "allow", { when: "args.n > 1" }), grant("ana", "fs.*", "deny")], user, "deny"],
  ["an ask whose condition may fail", [grant("ana", "fs.read", "ask", { when: "args.n > 1" }), grant("ana", "fs.*", "allow")], user, "depends"],
  ["an allow that has expired", [grant("ana", "fs.read", "allow", { expires_at: "1970-01-01T00:00:00Z" })], user, "nothing"],
  ["a deny that has expired", [grant("ana", "fs.read", "deny", { expires_at: "1970-01-01T00:00:00Z" }), grant("ana", "*", "allow")], user, "allow"],
  ["a team's own deny", [grant("team:sales", "*", "deny"), grant("team:sales", "fs.read", "allow")], team, "deny"],
  ["another team's grant", [grant("team:ops", "*", "allow")], team, "nothing"],
])("resolves %s", (_, grants, subject, expected) => {
  expect(cell(grants, subject, read).verdict).toBe(expected);
});

it("keeps the conditional grants of a cell apart from the one that always counts", () => {
  const found = cell([grant("ana", "fs.read", "deny", { when: "args.n > 1" }), grant("ana", "fs.read", "allow")], user, read);
  expect(found.own?.effect).toBe("allow");
  expect(found.conditional).toHaveLength(1);
});

it("has a template granted with what comes of it, in its own row", () => {
  const own = grant("ana", "docs.@resource/note:///*", "allow");
  const found = cell([own], user, { id: "docs.@resource/note:///{id}", grantAs: "docs.@resource/note:///*" });
  expect(found).toMatchObject({ own, inherited: [], verdict: "allow" });
});

it.each([
  ["ana", "user"],
  ["ana/desk", "agent"],
  ["team:sales", "team"],
  ["bo", undefined],
  ["ana/none", undefined],
  ["team:none", undefined],
])("finds %s as %s", (key, kind) => {
  expect(findSubject(key, people)?.kind).toBe(kind);
});

it("shows everybody, or one with whom it shares its permissions", () => {
  const bo = { ...ana, id: "u2", name: "bo", teams: [] };
  const all = { ...people, users: [ana, bo] };
  const keys = (only?: Subject) => subjectsShown(all, only).map(({ key }) => key);
  expect(keys()).toEqual(["team:sales", "ana", "bo"]);
  expect(keys(user)).toEqual(["ana", "ana/desk", "team:sales"]);
  expect(keys(agent)).toEqual(["ana/desk", "ana", "team:sales"]);
  expect(keys(team)).toEqual(["team:sales", "ana"]);
});

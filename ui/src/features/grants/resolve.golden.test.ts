import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import type { Agent, Grant, ToolEffect, User } from "../../api/types";
import { PermissionIndex } from "./resolve";
import { findSubject } from "./subject";

/** Written by core itself: tests/model/grid.rs. */
interface Golden {
  now: string;
  users: Pick<User, "name" | "teams">[];
  agents: Pick<Agent, "user" | "name" | "scope">[];
  tools: { id: string; effect: ToolEffect | null }[];
  worlds: { grants: Grant[]; answers: string[] }[];
}

const golden = JSON.parse(readFileSync(join(import.meta.dirname, "resolve.golden.json"), "utf8")) as Golden;
const people = { users: golden.users as User[], agents: golden.agents as Agent[], teams: [] };

interface Answer {
  caller: string;
  id: string;
  /** Whatever the arguments are. */
  replayed: string;
  /** With those that a condition holds for, those that it does not, and those that it fails on. */
  reasons: string[];
}

function read(line: string): Answer {
  // A prompt's name could have spaces; none here has.
  const [caller = "", id = "", replayed = "", ...reasons] = line.split(" ");
  return { caller, id, replayed, reasons };
}

/** What the grid may show: what it comes to, and of a denial whether it was forbidden or never granted. */
function expected({ replayed, reasons }: Answer): string[] {
  if (replayed !== "deny") return [replayed];
  if (reasons.every((reason) => reason === "not_granted" || reason === "out_of_scope")) return ["nothing"];
  return reasons.every((reason) => reason === "denied_by_grant") ? ["deny"] : ["deny", "nothing"];
}

const effect = (reason: string) => (reason === "allow" || reason === "ask" ? reason : "deny");

const shown = golden.worlds.flatMap(({ grants, answers }) => {
  const index = new PermissionIndex(grants, Date.parse(golden.now));
  return answers.map((line) => {
    const answer = read(line);
    const subject = findSubject(answer.caller, people);
    const tool = golden.tools.find((candidate) => candidate.id === answer.id);
    return { answer, grants, kind: subject?.kind, verdict: subject && tool && index.cell(subject, tool).verdict };
  });
});

it("resolves as the gateway decides: users, teams, patterns, scopes, conditions and ends", () => {
  const wrong = shown.filter(({ answer, verdict }) => verdict === undefined || !expected(answer).includes(verdict));
  expect(wrong).toEqual([]);
});

it("says of what it is sure of no more than holds for all arguments", () => {
  const sure = shown.filter(({ verdict }) => verdict !== "depends");
  const wrong = sure.filter(({ answer, verdict }) => answer.reasons.some((reason) => effect(reason) !== (verdict === "nothing" ? "deny" : verdict)));
  expect(wrong).toEqual([]);
});

it("has cases of every kind", () => {
  const seen = new Set(shown.map(({ kind, verdict }) => `${kind} ${verdict}`));
  expect([...seen].toSorted()).toEqual(["agent", "user"].flatMap((kind) => ["allow", "ask", "deny", "depends", "nothing"].map((verdict) => `${kind} ${verdict}`)));
});

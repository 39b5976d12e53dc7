import { describe, expect, it } from "vitest";

import type { Grant, Tool, ToolKind } from "../../../api/types";
import { groupTools, rowsOf } from "./rows";

const grant = (subject: string, tool: string): Grant => ({ id: `${subject} ${tool}`, subject, tool, effect: "allow", version: 1, created_at: "2026-01-01T00:00:00Z" });
const ofAna = new Set(["ana"]);
const read: Tool = { id: "fs.read", mcp_name: "fs_read", connection: "fs", description: "Reads" };
const item = (id: string, kind: ToolKind, grant_as = id): Tool => ({ id, kind, grant_as, mcp_name: id, connection: "docs", description: "" });

it("lists granted tools that are not offered now, so that no grant hides", () => {
  const groups = groupTools([read], [grant("ana", "gone.tool"), grant("ana", "old.*:read"), grant("bo", "other.tool")], ofAna);
  expect(groups.map((group) => [group.head.id, group.patterns.map(({ id }) => id), group.tools.map(({ id }) => id)])).toEqual([
    ["*", [], []],
    ["fs.*", [], ["fs.read"]],
    ["gone.*", [], ["gone.tool"]],
    ["old.*", ["old.*:read"], []],
  ]);
  expect(groups.flatMap((group) => group.tools).map(({ offered }) => offered)).toEqual([true, false]);
});

it("gives a granted pattern of an effect a row of its own", () => {
  const groups = groupTools([], [grant("ana", "gmail.*:read"), grant("ana", "*:destructive")], ofAna);
  expect(groups.map((group) => group.patterns.map(({ id }) => id))).toEqual([["*:destructive"], ["gmail.*:read"]]);
});

describe("prompts and resources", () => {
  const resource = "docs.@resource/file:///a/b.txt";
  const offers = [
    item(resource, "resource"),
    item("docs.@resource/note:///{id}", "template", "docs.@resource/note:///*"),
    item("docs.zip", "tool"),
    item("docs.@prompt/review", "prompt"),
  ];

  it("stand behind the tools, with a row for all of a kind", () => {
    const grants = [grant("ana", "docs.@resource/file:///c"), grant("ana", "docs.@resource/file:///d/*"), grant("ana", "docs.@resource/note:///*")];
    const docs = groupTools(offers, grants, ofAna).find(({ connection }) => connection === "docs");
    expect(docs?.patterns.map(({ id }) => id)).toEqual(["docs.@prompt/*", "docs.@resource/*", "docs.@resource/file:///d/*"]);
    expect(docs?.tools.map(({ id }) => id)).toEqual(["docs.zip", "docs.@prompt/review", resource, "docs.@resource/file:///c", "docs.@resource/note:///{id}"]);
    expect(docs?.tools.find(({ kind }) => kind === "template")?.grantAs).toBe("docs.@resource/note:///*");
  });
});

it("shows of closed connections their head only, and of a search what it finds wherever it is", () => {
  const groups = groupTools([read, { ...read, id: "gmail.send", connection: "gmail" }], [], ofAna);
  const ids = (open: boolean, find: string) => rowsOf(groups, () => open, find).map(({ id }) => id);
  expect(ids(false, "")).toEqual(["*", "fs.*", "gmail.*"]);
  expect(ids(true, "")).toEqual(["*", "fs.*", "fs.read", "gmail.*", "gmail.send"]);
  expect(ids(false, " SEND")).toEqual(["gmail.*", "gmail.send"]);
  expect(ids(false, "nothing")).toEqual([]);
});

import { describe, expect, it } from "vitest";

import { parseJson } from "../../../components/json/json";
import { changedLines, present, sqlPieces } from "./present";

const presented = (json: string) => {
  const parsed = parseJson(json);
  return parsed && present(parsed);
};

describe("present", () => {
  it("takes for a mail what goes to somebody and has a subject or text, and keeps the rest", () => {
    expect(presented('{"to":["a@b.c"],"CC":"d@e.f","Subject":"Hi","body":"text","priority":1}')).toEqual({
      as: "mail",
      mail: { to: ["a@b.c"], cc: ["d@e.f"], bcc: [], from: [], subject: "Hi", body: "text" },
      others: [["priority", { kind: "literal", text: "1" }]],
    });
  });

  it("hides no field that it does not understand", () => {
    const odd = presented('{"to":["a@b.c"],"recipient":"hidden@e.f","bcc":[{"x":1}],"subject":"Hi","body":{"a":1}}');
    expect(odd?.as === "mail" && odd.others.map(([name]) => name)).toEqual(["recipient", "bcc", "body"]);
  });

  it("takes a move from one place to another for no mail", () => {
    expect(presented('{"from":"a","to":"b"}')?.as).toBe("fields");
  });

  it.each([
    ['{"sql":"whatever"}', ["sql"]],
    ['{"x":"  select 1"}', ["x"]],
    ['{"x":"selection of wines"}', []],
    ['{"query":{"a":1}}', []],
  ])("sees SQL in %s: %j", (json, names) => {
    const seen = presented(json);
    expect(seen?.as === "fields" && seen.sql.map(([name]) => name)).toEqual(names);
  });
});

it("stresses words of SQL, but not those in texts and comments, and loses nothing", () => {
  const sql = "SELECT 'from' FROM \"where\" -- delete\nWHERE a = 1";
  const pieces = sqlPieces(sql);
  expect(pieces.filter((piece) => piece.keyword).map((piece) => piece.text)).toEqual(["SELECT", "FROM", "WHERE"]);
  expect(pieces.map((piece) => piece.text).join("")).toBe(sql);
});

describe("files and commands", () => {
  it("sees a file with its content, and keeps the rest", () => {
    expect(presented('{"path":"/etc/hosts","content":"a\\nb","mode":"0644"}')).toEqual({
      as: "file",
      file: { path: "/etc/hosts", content: "a\nb", edits: [], patch: undefined },
      others: [["mode", { kind: "text", text: "0644" }]],
    });
  });

  it.each([
    ['{"file_path":"a","old_string":"x","new_string":"y","replace_all":true}', [{ before: "x", after: "y" }], ["replace_all"]],
    ['{"path":"a","edits":[{"oldText":"x","newText":"y"},{"oldText":"","newText":"z"}]}', [{ before: "x", after: "y" }, { before: "", after: "z" }], []],
  ])("sees the edits of %s", (json, edits, others) => {
    const seen = presented(json);
    expect(seen?.as === "file" && [seen.file.edits, seen.others.map(([name]) => name)]).toEqual([edits, others]);
  });

  it.each([
    '{"path":"a"}',
    '{"path":"a","edits":[{"oldText":"x","newText":"y","also":"hidden"}]}',
    '{"path":"a","old_string":"x"}',
    '{"path":["a","b"],"content":"x"}',
  ])("takes %s for no change of a file, so that nothing of it is hidden", (json) => {
    expect(presented(json)?.as).toBe("fields");
  });

  it.each([
    ['{"command":"rm -rf /","cwd":"/home"}', { line: "rm -rf /", words: undefined, folder: "/home" }, []],
    ['{"command":"rm","args":["-rf","a b"],"timeout":5}', { line: undefined, words: ["rm", "-rf", "a b"], folder: undefined }, ["timeout"]],
    ['{"argv":["ls",""]}', { line: undefined, words: ["ls", ""], folder: undefined }, []],
    ['{"command":"x","args":[1]}', { line: "x", words: undefined, folder: undefined }, ["args"]],
  ])("sees the command in %s", (json, command, others) => {
    const seen = presented(json);
    expect(seen?.as === "command" && [seen.command, seen.others.map(([name]) => name)]).toEqual([command, others]);
  });

  it("compares by lines and loses none", () => {
    const changed = changedLines("a\nb\nc", "a\nx\ny\nc").map(({ kind, text }) => `${kind} ${text}`);
    expect(changed).toEqual(["same a", "removed b", "added x", "added y", "same c"]);
    const between = changedLines("a=1\nb=2\nc=3", "a=9\nb=2\nc=9\nd=9").map(({ kind, text }) => `${kind} ${text}`);
    expect(between).toEqual(["removed a=1", "added a=9", "same b=2", "removed c=3", "added c=9", "added d=9"]);
    const long = changedLines("x\n".repeat(2_000), "y\n".repeat(2_000));
    expect(long.filter((line) => line.kind === "removed")).toHaveLength(2_000);
    expect(changedLines("", "new")).toEqual([{ kind: "added", text: "new" }]);
    expect(changedLines("a\na", "a").map((line) => line.kind)).toEqual(["same", "removed"]);
  });
});

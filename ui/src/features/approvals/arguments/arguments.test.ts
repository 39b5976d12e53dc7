import { describe, expect, it } from "vitest";

import { parseJson } from "../../../components/json/json";
import { present, sqlPieces } from "./present";

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

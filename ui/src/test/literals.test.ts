import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import ts from "typescript";
import { expect, it } from "vitest";

/** Attributes whose text somebody reads or hears. */
const READ = new Set(["aria-label", "aria-description", "aria-placeholder", "aria-roledescription", "aria-valuetext", "alt", "description", "error", "label", "message", "next", "placeholder", "title", "text", "hint", "nothingFound"]);

/** Names and samples that are the same in every language. */
const SAME_EVERYWHERE = new Set(["Claude Code", "Claude Desktop", "Cursor", "VS Code", "Windsurf", "Codex", "Gemini CLI", "Zed", "Goose", "UTC", "https://", "API_TOKEN", "Authorization", "MCP", "UDP", "Enter", "Esc", "/mcp", "gmail.*", "/mnt/backup/agw", "https://witness.example", '{"to": ["bo@acme.com"]}']);

/** Has words of any script: `·`, `→` and `*` need no translation. */
const hasWords = (text: string) => /\p{L}{2,}/u.test(text) && !/^#[0-9a-f]{6}$/.test(text) && !SAME_EVERYWHERE.has(text.replace(/^[\s·]+|\s+$/g, ""));

/** What is copied into a terminal is no language. */
const isCommand = (attribute: ts.JsxAttribute) => attribute.name.getText() === "text" && attribute.parent.parent.tagName.getText() === "CopyLine";

/** Every text in JSX, or in an attribute that is read, that stands in the file itself. */
function literals(file: string, source: string): string[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, file.endsWith("x") ? ts.ScriptKind.TSX : ts.ScriptKind.TS);
  const found: string[] = [];
  const report = (node: ts.Node, text: string) => {
    if (hasWords(text)) found.push(`${file}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${text.trim()}`);
  };
  /** A text, also as either side of a choice or as part of a template. */
  const check = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) report(node, node.text);
    else if (ts.isTemplateExpression(node)) report(node, [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join(" "));
    else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(check);
    else if (ts.isParenthesizedExpression(node)) check(node.expression);
    else if (ts.isBinaryExpression(node) && [ts.SyntaxKind.BarBarToken, ts.SyntaxKind.AmpersandAmpersandToken, ts.SyntaxKind.QuestionQuestionToken, ts.SyntaxKind.PlusToken].includes(node.operatorToken.kind)) [node.left, node.right].forEach(check);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node)) report(node, node.text);
    else if (ts.isJsxExpression(node) && node.expression && !ts.isJsxAttribute(node.parent)) check(node.expression);
    else if (ts.isJsxAttribute(node) && READ.has(node.name.getText()) && node.initializer && !isCommand(node)) check(ts.isJsxExpression(node.initializer) && node.initializer.expression ? node.initializer.expression : node.initializer);
    // What is handed on to be shown, by whatever name it is shown.
    else if (ts.isPropertyAssignment(node) && READ.has(node.name.getText())) check(node.initializer);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const root = join(import.meta.dirname, "..");
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file) && !/^(?:test|strings|api\/schema)/.test(file));

it("no text that somebody reads stands outside of strings", () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.flatMap((file) => literals(file, readFileSync(join(root, file), "utf8")))).toEqual([]);
});

it.each([
  ["<p>Hello there</p>", 1],
  ['<p>{"Hello"}</p>', 1],
  ["<p>{open ? `Open ${name}` : t.close}</p>", 1],
  ['<button aria-label="Close it" />', 1],
  ['<button title={x ?? "Close it"} />', 1],
  ['<button className="close it" data-testid="close" />', 0],
  ["<p>{t.hello} · <b>×</b></p>", 0],
  ['const rows = [{ title: "Hello there", id: "hello there" }]', 1],
])("finds it in %s", (source, count) => {
  expect(literals("x.tsx", source)).toHaveLength(count);
});

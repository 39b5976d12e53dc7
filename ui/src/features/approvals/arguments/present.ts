import type { Json } from "../../../components/json/json";

type Entry = readonly [name: string, value: Json];

/** How arguments are best read by a person. Every field appears in exactly one place. */
export type Presented =
  | { as: "mail"; mail: Mail; others: readonly Entry[] }
  | { as: "file"; file: FileChange; others: readonly Entry[] }
  | { as: "command"; command: Command; others: readonly Entry[] }
  | { as: "fields"; sql: readonly (readonly [name: string, text: string])[]; others: readonly Entry[] }
  | { as: "value"; value: Json };

export interface Mail {
  from: readonly string[];
  to: readonly string[];
  cc: readonly string[];
  bcc: readonly string[];
  subject: string | undefined;
  body: string | undefined;
}

/** What is written to a file: all of it, parts of it, or a patch. */
export interface FileChange {
  path: string;
  content: string | undefined;
  edits: readonly { before: string; after: string }[];
  patch: string | undefined;
}

/** One line for a shell, or the words of a command that goes to no shell. */
export interface Command {
  line: string | undefined;
  words: readonly string[] | undefined;
  folder: string | undefined;
}

const TO = ["to", "recipient", "recipients"];
const BODY = ["body", "text", "message", "content", "html", "plain_text", "body_text"];
const PATHS = ["path", "file_path", "filepath", "file", "filename", "target_file"];
const CONTENTS = ["content", "contents", "file_text", "new_content", "text"];
const BEFORE = ["old_string", "oldtext", "old_str", "old_text", "before", "search"];
const AFTER = ["new_string", "newtext", "new_str", "new_text", "after", "replace"];
const PATCHES = ["diff", "patch"];
const COMMANDS = ["command", "cmd", "script", "shell_command"];
const FOLDERS = ["cwd", "workdir", "working_directory", "directory"];
const SQL_NAMES = new Set(["sql", "query", "statement"]);
const SQL_START = /^\s*(?:select|insert|update|delete|merge|with|create|alter|drop|truncate|grant|revoke|begin|explain|copy|call|vacuum)\b/i;

export function present(args: Json): Presented {
  if (args.kind !== "object") return { as: "value", value: args };
  return mailOf(args.entries) ?? fileOf(args.entries) ?? commandOf(args.entries) ?? fieldsOf(args.entries);
}

/** Finds entries by name, each once; what was not found stands in `others`. */
function taking(entries: readonly Entry[]) {
  const used = new Set<number>();
  const find = <T>(names: readonly string[], read: (value: Json) => T | undefined): T | undefined => {
    for (const [index, [name, value]] of entries.entries()) {
      if (used.has(index) || !names.includes(name.toLowerCase())) continue;
      const found = read(value);
      if (found === undefined) continue;
      used.add(index);
      return found;
    }
    return undefined;
  };
  return { find, others: () => entries.filter((_, index) => !used.has(index)) };
}

/** A mail is what goes to somebody and has a subject or a text. */
function mailOf(entries: readonly Entry[]): Presented | undefined {
  const { find, others } = taking(entries);
  const to = find(TO, addresses);
  const subject = find(["subject", "title"], plain);
  const body = find(BODY, plain);
  if (to === undefined || (subject === undefined && body === undefined)) return undefined;
  const mail = {
    to,
    subject,
    body,
    from: find(["from", "sender"], addresses) ?? [],
    cc: find(["cc"], addresses) ?? [],
    bcc: find(["bcc"], addresses) ?? [],
  };
  return { as: "mail", mail, others: others() };
}

/** A change of a file has a path, and what is to stand there. */
function fileOf(entries: readonly Entry[]): Presented | undefined {
  const { find, others } = taking(entries);
  const path = find(PATHS, plain);
  if (path === undefined) return undefined;
  const one = editOf(entries);
  const edits = one === undefined ? find(["edits"], editsOf) : [one];
  if (one !== undefined) {
    find(BEFORE, plain);
    find(AFTER, plain);
  }
  const patch = find(PATCHES, plain);
  const content = find(CONTENTS, plain);
  if (content === undefined && edits === undefined && patch === undefined) return undefined;
  return { as: "file", file: { path, content, edits: edits ?? [], patch }, others: others() };
}

/** Both sides of an edit; with one alone there is nothing to compare. */
function editOf(entries: readonly Entry[]): { before: string; after: string } | undefined {
  const { find } = taking(entries);
  const before = find(BEFORE, plain);
  const after = find(AFTER, plain);
  return before === undefined || after === undefined ? undefined : { before, after };
}

/** Only where each entry is an edit and nothing else: what is shown as edits must be all there is. */
function editsOf(value: Json): { before: string; after: string }[] | undefined {
  if (value.kind !== "list" || value.items.length === 0) return undefined;
  const edits = value.items.map((item) => (item.kind === "object" && item.entries.length === 2 ? editOf(item.entries) : undefined));
  return edits.every((edit) => edit !== undefined) ? edits : undefined;
}

/** The words of a command may stand in one list, or behind the program in another. */
function commandOf(entries: readonly Entry[]): Presented | undefined {
  const { find, others } = taking(entries);
  const line = find(COMMANDS, plain);
  const list = find(line === undefined ? [...COMMANDS, "argv"] : ["args", "argv", "arguments"], texts);
  if (line === undefined && list === undefined) return undefined;
  const words = list === undefined ? undefined : line === undefined ? list : [line, ...list];
  return { as: "command", command: { line: words === undefined ? line : undefined, words, folder: find(FOLDERS, plain) }, others: others() };
}

function fieldsOf(entries: readonly Entry[]): Presented {
  const sql: [string, string][] = [];
  const others: Entry[] = [];
  for (const [name, value] of entries) {
    if (value.kind === "text" && (SQL_NAMES.has(name.toLowerCase()) || SQL_START.test(value.text))) sql.push([name, value.text]);
    else others.push([name, value]);
  }
  return { as: "fields", sql, others };
}

function plain(value: Json): string | undefined {
  return value.kind === "text" ? value.text : undefined;
}

function addresses(value: Json): string[] | undefined {
  return value.kind === "text" ? [value.text] : texts(value);
}

function texts(value: Json): string[] | undefined {
  if (value.kind !== "list") return undefined;
  const all = value.items.map(plain);
  return all.every((text) => text !== undefined) ? all : undefined;
}

/** A line of a text before and after a change. */
export interface ChangedLine {
  kind: "same" | "removed" | "added";
  text: string;
}

/** More pairs of lines than this are not compared one by one. */
const MOST_PAIRS = 250_000;

/** What goes and what comes, by lines, with what both have before, between and behind it. */
export function changedLines(before: string, after: string): ChangedLine[] {
  const [old, now] = [lines(before), lines(after)];
  let head = 0;
  while (head < Math.min(old.length, now.length) && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const between = compared(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  return [...as("same", old.slice(0, head)), ...between, ...as("same", tail === 0 ? [] : now.slice(-tail))];
}

/** By their longest common subsequence. */
function compared(old: readonly string[], now: readonly string[]): ChangedLine[] {
  if (old.length * now.length > MOST_PAIRS) return [...as("removed", old), ...as("added", now)];
  const width = now.length + 1;
  const longest = new Uint32Array((old.length + 1) * width);
  const from = (i: number, j: number) => longest[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = old[i] === now[j] ? from(i + 1, j + 1) + 1 : Math.max(from(i + 1, j), from(i, j + 1));
    }
  }
  const found: ChangedLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length) {
    if (old[i] === now[j]) {
      found.push(...as("same", old.slice(i, i + 1)));
      i += 1;
      j += 1;
    } else if (from(i + 1, j) >= from(i, j + 1)) {
      found.push(...as("removed", old.slice(i, i + 1)));
      i += 1;
    } else {
      found.push(...as("added", now.slice(j, j + 1)));
      j += 1;
    }
  }
  return [...found, ...as("removed", old.slice(i)), ...as("added", now.slice(j))];
}

function as(kind: ChangedLine["kind"], part: readonly string[]): ChangedLine[] {
  return part.map((text) => ({ kind, text }));
}

/** An empty text has no line. */
function lines(text: string): string[] {
  return text === "" ? [] : text.split("\n");
}

/** What stands out in SQL, as pieces of the text in order; the pieces joined are the text. */
export function sqlPieces(sql: string): { text: string; keyword: boolean; at: number }[] {
  const pieces: { text: string; keyword: boolean; at: number }[] = [];
  let from = 0;
  for (const match of sql.matchAll(SQL_TOKEN)) {
    if (match[1] === undefined) continue;
    if (match.index > from) pieces.push({ text: sql.slice(from, match.index), keyword: false, at: from });
    pieces.push({ text: match[1], keyword: true, at: match.index });
    from = match.index + match[1].length;
  }
  if (from < sql.length) pieces.push({ text: sql.slice(from), keyword: false, at: from });
  return pieces;
}

/** Texts, quoted names and comments are stepped over, so that no keyword is seen in them. */
const SQL_TOKEN =
  /'(?:[^']|'')*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\/|\b(select|insert|into|update|delete|from|where|set|values|join|left|right|inner|outer|on|group|order|by|having|limit|offset|union|all|distinct|as|and|or|not|null|in|is|like|between|exists|case|when|then|else|end|with|create|alter|drop|truncate|table|index|view|database|schema|grant|revoke|begin|commit|rollback|returning|cascade|merge|using|explain|copy|to|call|vacuum)\b/gi;

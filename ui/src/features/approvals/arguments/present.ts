import type { Json } from "../../../components/json/json";

type Entry = readonly [name: string, value: Json];

/** How arguments are best read by a person. Every field appears in exactly one place. */
export type Presented =
  | { as: "mail"; mail: Mail; others: readonly Entry[] }
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

const TO = ["to", "recipient", "recipients"];
const BODY = ["body", "text", "message", "content", "html", "plain_text", "body_text"];
const SQL_NAMES = new Set(["sql", "query", "statement"]);
const SQL_START = /^\s*(?:select|insert|update|delete|merge|with|create|alter|drop|truncate|grant|revoke|begin|explain|copy|call|vacuum)\b/i;

export function present(args: Json): Presented {
  if (args.kind !== "object") return { as: "value", value: args };
  return mailOf(args.entries) ?? fieldsOf(args.entries);
}

/** A mail is what goes to somebody and has a subject or a text. */
function mailOf(entries: readonly Entry[]): Presented | undefined {
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
  return { as: "mail", mail, others: entries.filter((_, index) => !used.has(index)) };
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
  if (value.kind === "text") return [value.text];
  if (value.kind !== "list") return undefined;
  const texts = value.items.map(plain);
  return texts.every((text) => text !== undefined) ? texts : undefined;
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

/**
 * JSON that keeps every number as it was written: `12345678901234567890` and
 * `1.10` must be shown as the agent sent them, and JavaScript's numbers would
 * round them. For showing only; nothing is ever sent from it.
 */
export type Json =
  | { kind: "object"; entries: readonly (readonly [name: string, value: Json])[] }
  | { kind: "list"; items: readonly Json[] }
  | { kind: "text"; text: string }
  /** A number, `true`, `false` or `null`, as written. */
  | { kind: "literal"; text: string };

const DEEPEST = 64;
const SPACE = /[\t\n\r ]*/y;
const TEXT = /"(?:[^"\\]|\\.)*"/y;
const LITERAL = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** `undefined` for what is not JSON, or nested too deep to show. */
export function parseJson(source: string): Json | undefined {
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const skip = () => void take(SPACE);
  const eat = (character: string) => {
    skip();
    if (source[at] !== character) return false;
    at += 1;
    return true;
  };
  const expect = (character: string) => {
    if (!eat(character)) throw new SyntaxError(`no ${character} at ${at}`);
  };
  const text = (): string => {
    skip();
    const found = take(TEXT);
    if (found === undefined) throw new SyntaxError(`no text at ${at}`);
    return JSON.parse(found) as string;
  };
  const value = (depth: number): Json => {
    if (depth > DEEPEST) throw new SyntaxError("too deep");
    if (eat("{")) {
      const entries: [string, Json][] = [];
      if (eat("}")) return { kind: "object", entries };
      do {
        const name = text();
        expect(":");
        entries.push([name, value(depth + 1)]);
      } while (eat(","));
      expect("}");
      return { kind: "object", entries };
    }
    if (eat("[")) {
      const items: Json[] = [];
      if (eat("]")) return { kind: "list", items };
      do items.push(value(depth + 1));
      while (eat(","));
      expect("]");
      return { kind: "list", items };
    }
    if (source[at] === '"') return { kind: "text", text: text() };
    const literal = take(LITERAL);
    if (literal === undefined) throw new SyntaxError(`no value at ${at}`);
    return { kind: "literal", text: literal };
  };
  try {
    const whole = value(0);
    skip();
    return at === source.length ? whole : undefined;
  } catch {
    return undefined;
  }
}

/** Laid out over lines, every number as it was written. */
export function formatJson(value: Json, indent = ""): string {
  const inner = `${indent}  `;
  const block = (open: string, parts: readonly string[], close: string) =>
    parts.length === 0 ? open + close : `${open}\n${parts.map((part) => inner + part).join(",\n")}\n${indent}${close}`;
  switch (value.kind) {
    case "object":
      return block("{", value.entries.map(([name, entry]) => `${JSON.stringify(name)}: ${formatJson(entry, inner)}`), "}");
    case "list":
      return block("[", value.items.map((item) => formatJson(item, inner)), "]");
    case "text":
      return JSON.stringify(value.text);
    case "literal":
      return value.text;
  }
}

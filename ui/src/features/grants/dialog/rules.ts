import type { Rule } from "../../../api/types";

export type RuleKind = Rule["kind"];
export const RULE_KINDS: readonly RuleKind[] = ["every_item_ends_with", "one_of", "at_most", "matches", "between"];

/** A line of the form: texts as they are typed, of every kind at once, so that changing the kind loses nothing. */
export interface RuleLine {
  id: number;
  kind: RuleKind;
  field: string;
  text: string;
  values: string[];
  limit: string;
  from: string;
  to: string;
  zone: string;
}

let lastId = 0;

export function newLine(kind: RuleKind = "one_of"): RuleLine {
  lastId += 1;
  return { id: lastId, kind, field: "", text: "", values: [], limit: "", from: "8", to: "18", zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
}

/** The lines as the gateway takes them; `undefined` while one is not complete. */
export function toRules(lines: readonly RuleLine[], fields: readonly Field[]): Rule[] | undefined {
  const rules = lines.map((line) => toRule(line, fields));
  return rules.every((rule) => rule !== undefined) ? rules : undefined;
}

function toRule(line: RuleLine, fields: readonly Field[]): Rule | undefined {
  if (line.kind === "between") {
    const [from, to] = [Number(line.from), Number(line.to)];
    return isHour(from) && isHour(to) && line.zone.trim() !== "" ? { kind: "between", from, to, zone: line.zone.trim() } : undefined;
  }
  const field = line.field.trim();
  if (field === "") return undefined;
  switch (line.kind) {
    case "every_item_ends_with":
      return line.text === "" ? undefined : { kind: line.kind, field, ends_with: line.text };
    case "matches":
      return line.text === "" ? undefined : { kind: line.kind, field, pattern: line.text };
    case "at_most": {
      const limit = Number(line.limit);
      return line.limit.trim() === "" || !Number.isFinite(limit) ? undefined : { kind: line.kind, field, limit };
    }
    case "one_of": {
      if (line.values.length === 0) return undefined;
      const numeric = fields.some((known) => known.name === field && known.numeric) && line.values.every((value) => Number.isFinite(Number(value)));
      // The schema knows no “any value”, so the type of its items says object.
      const values = (numeric ? line.values.map(Number) : line.values) as unknown as (Rule & { kind: "one_of" })["values"];
      return { kind: line.kind, field, values };
    }
  }
}

function isHour(hour: number): boolean {
  return Number.isInteger(hour) && hour >= 0 && hour <= 24;
}

/** An argument that a tool's schema names. */
export interface Field {
  name: string;
  numeric: boolean;
}

const DEEPEST = 3;
const MOST_FIELDS = 200;

/** Names of arguments (`to`, `filter.owner`) in a tool's own JSON Schema, which is not to be trusted: bounded. */
export function fieldsOf(schema: unknown, prefix = "", depth = 0): Field[] {
  if (depth >= DEEPEST || !isRecord(schema) || !isRecord(schema.properties)) return [];
  return Object.entries(schema.properties)
    .flatMap(([name, inner]): Field[] => {
      const path = prefix === "" ? name : `${prefix}.${name}`;
      const type = isRecord(inner) ? inner.type : undefined;
      return [{ name: path, numeric: type === "number" || type === "integer" }, ...fieldsOf(inner, path, depth + 1)];
    })
    .slice(0, MOST_FIELDS);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

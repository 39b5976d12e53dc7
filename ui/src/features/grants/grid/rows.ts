import type { Grant, Tool, ToolKind } from "../../../api/types";
import { itemOf } from "../../../strings/items";
import { connectionOf, isPattern, type Target } from "../patterns";

interface ToolRow extends Target {
  type: "tool";
  connection: string;
  kind: ToolKind;
  /** The pattern in its place, where a grant of the id alone would be of no use. */
  grantAs: string;
  description: string | undefined;
  /** Offered now; else only named in a grant. */
  offered: boolean;
  /** Offered to nobody yet, and of late. */
  fresh: boolean;
}

/** A pattern by itself: all of a connection where it heads its group, or a narrower one below. */
interface PatternRow extends Target {
  type: "group" | "pattern";
  connection: string;
}

export type GridRow = ToolRow | PatternRow;

export interface ToolGroup {
  /** Empty for what is about all connections. */
  connection: string;
  head: PatternRow;
  patterns: PatternRow[];
  tools: ToolRow[];
}

const KINDS: readonly ToolKind[] = ["tool", "prompt", "resource", "template"];
const FRESH_MS = 7 * 86_400_000;

/** First seen within a week, and granted to nobody. */
export function isFresh(tool: Tool, now: number): boolean {
  return tool.granted === false && now - Date.parse(tool.first_seen_at ?? "") < FRESH_MS;
}

/** Tools by connection, with what is only named in the grants of these subjects, so that no grant hides. */
export function groupTools(tools: readonly Tool[], grants: readonly Grant[], subjects: ReadonlySet<string>, now = 0): ToolGroup[] {
  const groups = new Map<string, { patterns: Set<string>; tools: Map<string, ToolRow> }>();
  const groupOf = (connection: string) => {
    const group = groups.get(connection) ?? { patterns: new Set<string>(), tools: new Map<string, ToolRow>() };
    groups.set(connection, group);
    return group;
  };
  const tool = (connection: string, rest: Omit<ToolRow, "type" | "connection">): ToolRow => ({ type: "tool", connection, ...rest });
  groupOf("");
  for (const { id, effect, description, connection, kind = "tool", ...rest } of tools) {
    const group = groupOf(connection);
    // An older gateway says nothing of it.
    group.tools.set(id, tool(connection, { id, kind, effect, description, grantAs: rest.grant_as || id, offered: true, fresh: isFresh({ id, connection, description, ...rest }, now) }));
    if (kind !== "tool") group.patterns.add(`${connection}.@${kind === "prompt" ? "prompt" : "resource"}/*`);
  }
  const templates = new Set(tools.filter(({ kind }) => kind === "template").map((template) => template.grant_as));
  for (const grant of grants) {
    if (!subjects.has(grant.subject)) continue;
    const connection = connectionOf(grant.tool);
    const group = groupOf(connection);
    if (group.tools.has(grant.tool) || templates.has(grant.tool)) continue;
    if (isPattern(grant.tool)) group.patterns.add(grant.tool);
    else group.tools.set(grant.tool, tool(connection, { id: grant.tool, kind: itemOf(grant.tool).kind, description: undefined, grantAs: grant.tool, offered: false, fresh: false }));
  }
  return [...groups]
    .map(([connection, group]) => {
      const all = connection === "" ? "*" : `${connection}.*`;
      group.patterns.delete(all);
      return {
        connection,
        head: { type: "group" as const, connection, id: all },
        patterns: [...group.patterns].toSorted().map((id): PatternRow => ({ type: "pattern", connection, id })),
        tools: [...group.tools.values()].toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.id.localeCompare(b.id)),
      };
    })
    .toSorted((a, b) => a.connection.localeCompare(b.connection));
}

/** The rows to be seen: of open groups all, of others their head; of a search what it finds, wherever it is. */
export function rowsOf(groups: readonly ToolGroup[], isOpen: (connection: string) => boolean, find: string): GridRow[] {
  const wanted = find.trim().toLowerCase();
  if (wanted === "") return groups.flatMap((group) => (isOpen(group.connection) || group.connection === "" ? [group.head, ...group.patterns, ...group.tools] : [group.head]));
  return groups.flatMap((group) => {
    const rows = [...group.patterns, ...group.tools].filter((row) => row.id.toLowerCase().includes(wanted));
    return rows.length > 0 || group.head.id.includes(wanted) ? [group.head, ...rows] : [];
  });
}

import type { ToolEffect } from "../../api/types";
import { itemOf } from "../../strings/items";

/** A tool, or a pattern in its own row, whose `effect` does not matter then. */
export interface Target {
  id: string;
  effect?: ToolEffect | null | undefined;
  /** What a grant of it names, if that is not the id. */
  grantAs?: string | undefined;
}

type Pattern =
  | { kind: "any" | "connection"; connection: string; effect: string | undefined }
  /** `docs.@resource/file:///notes/*`: what a connection has of one kind, by the beginning of its name. */
  | { kind: "beginning"; beginning: string }
  | { kind: "tool" };

/** As the gateway reads them (`ToolPattern` in core/src/names.rs). Of a bad one nothing is said: the gateway refuses it. */
function readPattern(text: string): Pattern {
  if (/^(?:read|write|destructive)$/.test(text)) return { kind: "any", connection: "", effect: text };
  // A URI has colons, and may have stars.
  if (/^[^.]*\.@/.test(text)) return text.endsWith("*") ? { kind: "beginning", beginning: text.slice(0, -1) } : { kind: "tool" };
  const colon = text.indexOf(":");
  const [tools, effect] = colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  if (tools === "*") return { kind: "any", connection: "", effect };
  return tools.endsWith(".*") ? { kind: "connection", connection: tools.slice(0, -2), effect } : { kind: "tool" };
}

/** What is held of a tool: what nobody confirmed counts as writing; prompts and resources are read, by what they are. */
function effectOf(tool: Target): ToolEffect {
  return itemOf(tool.id).kind === "tool" ? (tool.effect ?? "write") : "read";
}

/** `gmail.send` is matched by itself, `gmail.*`, `*` and, if it only reads, by `gmail.*:read` and `*:read`. */
export function patternMatches(pattern: string, tool: Target): boolean {
  if (pattern === tool.id) return true;
  const read = readPattern(pattern);
  if (read.kind === "tool") return false;
  if (read.kind === "beginning") return tool.id.startsWith(read.beginning);
  // Another pattern's row is not all of one effect.
  const { kind } = readPattern(tool.id);
  if (read.effect !== undefined && (kind === "any" || kind === "connection" || read.effect !== effectOf(tool))) return false;
  return read.kind === "any" || (kind !== "any" && itemOf(tool.id).connection === read.connection);
}

export function isPattern(text: string): boolean {
  return readPattern(text).kind !== "tool";
}

/** The connection that a tool or pattern is of; empty for what is about all. */
export function connectionOf(text: string): string {
  return text.startsWith("*") || /^(?:read|write|destructive)$/.test(text) ? "" : text.slice(0, Math.max(0, text.indexOf(".")));
}

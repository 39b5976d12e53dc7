import type { Agent, Effect, Grant, Team, Tool, ToolEffect, ToolKind, User } from "../../api/types";
import { itemOf } from "../../strings/items";

/** Whose permissions are shown; `key` is the API's subject string. */
export type Subject =
  | { kind: "user"; key: string; user: User }
  | { kind: "agent"; key: string; user: User; agent: Agent }
  | { kind: "team"; key: string; team: Team };

export function subjectKey(user: string, agent?: string): string {
  return agent === undefined ? user : `${user}/${agent}`;
}

export function findSubject(key: string, users: readonly User[], agents: readonly Agent[], teams: readonly Team[]): Subject | undefined {
  if (key.startsWith("team:")) {
    const team = teams.find((candidate) => `team:${candidate.name}` === key);
    return team && { kind: "team", key, team };
  }
  const [name, agentName] = key.split("/", 2);
  const user = users.find((candidate) => candidate.name === name);
  if (user === undefined) return undefined;
  if (agentName === undefined) return { kind: "user", key, user };
  const agent = agents.find((candidate) => candidate.user === name && candidate.name === agentName);
  return agent && { kind: "agent", key, user, agent };
}

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

/** The unconditional grant set directly on this subject and this very tool or pattern. */
export function directGrant(grants: readonly Grant[], subject: string, tool: string): Grant | undefined {
  return grants.find((grant) => grant.subject === subject && grant.tool === tool && grant.when == null);
}

/** Those of the same row that count only under a condition. */
export function conditionalGrants(grants: readonly Grant[], subject: string, tool: string): Grant[] {
  return grants.filter((grant) => grant.subject === subject && grant.tool === tool && grant.when != null);
}

/** A grant that bears on a tool without being set on this subject's own row. */
export interface Inherited {
  grant: Grant;
  effect: Effect;
}

/** Grants that reach `tool` from elsewhere: from a pattern, a team or the agent's owner. Denials first. */
export function inheritedGrants(grants: readonly Grant[], subject: Subject, tool: Target): Inherited[] {
  return grantsOn(grants, subject, tool)
    .filter((grant) => grant.subject !== subject.key || (grant.tool !== tool.id && grant.tool !== tool.grantAs))
    .map((grant) => ({ grant, effect: grant.effect }))
    .toSorted((a, b) => RANK[a.effect] - RANK[b.effect]);
}

function grantsOn(grants: readonly Grant[], subject: Subject, tool: Target): Grant[] {
  const sources = new Set(sourcesOf(subject));
  return grants.filter((grant) => sources.has(grant.subject) && patternMatches(grant.tool, tool));
}

const RANK: Record<Effect, number> = { deny: 0, ask: 1, allow: 2 };

/** What can be said of a tool without knowing a call's arguments. */
export type InForce = Effect | "depends" | "nothing";

/**
 * `callable` is the gateway's own word on whether the caller is offered the tool;
 * here it is only said whether a call would go through at once, be asked about,
 * or hang on a condition.
 */
export function inForce(grants: readonly Grant[], subject: Subject, tool: Target, callable: boolean): InForce {
  if (!callable) return "deny";
  return strongest(grantsOn(grants, subject, tool)) ?? "allow";
}

/** What a team's grants do by themselves. For users and agents the gateway itself is asked. */
export function teamVerdict(grants: readonly Grant[], team: string, tool: Target): InForce {
  return strongest(grants.filter((grant) => grant.subject === team && patternMatches(grant.tool, tool))) ?? "nothing";
}

function strongest(grants: readonly Grant[]): InForce | undefined {
  if (grants.some((grant) => grant.effect === "deny" && grant.when == null)) return "deny";
  if (grants.some((grant) => grant.when != null)) return "depends";
  if (grants.some((grant) => grant.effect === "ask")) return "ask";
  return grants.length > 0 ? "allow" : undefined;
}

function sourcesOf(subject: Subject): string[] {
  if (subject.kind === "team") return [subject.key];
  const owner = [subject.user.name, ...subject.user.teams.map((team) => `team:${team}`)];
  return subject.kind === "user" ? owner : [...owner, subject.key];
}

/** Whether an agent's scope leaves the tool out; such a tool needs an allow of its own. */
export function outsideScope(subject: Subject, tool: Target): boolean {
  if (subject.kind !== "agent" || subject.agent.scope.length === 0 || isPattern(tool.id)) return false;
  return !subject.agent.scope.some((pattern) => patternMatches(pattern, tool));
}

export interface ToolRow extends Target {
  kind: ToolKind;
  /** The pattern in its place, where a grant of the id alone would be of no use. */
  grantAs: string;
  description: string | undefined;
  /** Offered to nobody yet, and of late. */
  fresh: boolean;
}

export interface ToolGroup {
  /** Empty for what is about all connections. */
  connection: string;
  /** `gmail.*`, those by kind where it has others than tools, and those that are granted to the subject. */
  patterns: string[];
  tools: ToolRow[];
}

const KINDS: readonly ToolKind[] = ["tool", "prompt", "resource", "template"];
const FRESH_MS = 7 * 86_400_000;

/** First seen within a week, and granted to nobody. */
export function isFresh(tool: Tool, now: number): boolean {
  return tool.granted === false && now - Date.parse(tool.first_seen_at ?? "") < FRESH_MS;
}

/** Tools by connection, with those that are only named in the subject's grants, so that none of those hides. */
export function groupTools(tools: readonly Tool[], grants: readonly Grant[], subject: string, now = 0): ToolGroup[] {
  const groups = new Map<string, { patterns: Set<string>; tools: Map<string, ToolRow> }>();
  const groupOf = (connection: string) => {
    const group = groups.get(connection) ?? { patterns: new Set([connection === "" ? "*" : `${connection}.*`]), tools: new Map<string, ToolRow>() };
    groups.set(connection, group);
    return group;
  };
  groupOf("");
  for (const tool of tools) {
    const { id, effect, description, kind = "tool" } = tool;
    const group = groupOf(tool.connection);
    // An older gateway says nothing of it.
    group.tools.set(id, { id, kind, effect, description, grantAs: tool.grant_as || id, fresh: isFresh(tool, now) });
    if (kind !== "tool") group.patterns.add(`${tool.connection}.@${kind === "prompt" ? "prompt" : "resource"}/*`);
  }
  const templates = new Set(tools.filter((tool) => tool.kind === "template").map((tool) => tool.grant_as));
  for (const grant of grants) {
    if (grant.subject !== subject) continue;
    const connection = grant.tool.startsWith("*") ? "" : grant.tool.slice(0, Math.max(0, grant.tool.indexOf(".")));
    const group = groupOf(connection);
    if (group.tools.has(grant.tool) || templates.has(grant.tool)) continue;
    if (isPattern(grant.tool)) group.patterns.add(grant.tool);
    else group.tools.set(grant.tool, { id: grant.tool, kind: itemOf(grant.tool).kind, description: undefined, grantAs: grant.tool, fresh: false });
  }
  return [...groups]
    .map(([connection, group]) => ({
      connection,
      patterns: [...group.patterns].toSorted(),
      tools: [...group.tools.values()].toSorted((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.id.localeCompare(b.id)),
    }))
    .toSorted((a, b) => a.connection.localeCompare(b.connection));
}

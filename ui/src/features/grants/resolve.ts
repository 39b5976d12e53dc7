import type { Agent, Effect, Grant, Team, Tool, ToolEffect, User } from "../../api/types";

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
}

/** `gmail.send` is matched by itself, `gmail.*`, `*` and, if it only reads, by `gmail.*:read` and `*:read`. */
export function patternMatches(pattern: string, tool: Target): boolean {
  if (pattern === tool.id || pattern === "*") return true;
  const [base = "", effect] = pattern.split(":", 2);
  // What nobody confirmed counts as writing. Another pattern's row is not all of one effect.
  if (effect !== undefined && (isPattern(tool.id) || effect !== (tool.effect ?? "write"))) return false;
  if (base === "*") return true;
  return base.endsWith(".*") ? tool.id.startsWith(base.slice(0, -1)) : effect !== undefined && base === tool.id;
}

export function isPattern(text: string): boolean {
  return text.includes("*") || text.includes(":");
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
    .filter((grant) => grant.subject !== subject.key || grant.tool !== tool.id)
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
  description: string | undefined;
  /** Offered to nobody yet, and of late. */
  fresh: boolean;
}

export interface ToolGroup {
  /** Empty for what is about all connections. */
  connection: string;
  /** `gmail.*`, and those of an effect that are granted to the subject. */
  patterns: string[];
  tools: ToolRow[];
}

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
    groupOf(tool.connection).tools.set(tool.id, { id: tool.id, effect: tool.effect, description: tool.description, fresh: isFresh(tool, now) });
  }
  for (const grant of grants) {
    if (grant.subject !== subject) continue;
    const connection = grant.tool.startsWith("*") ? "" : grant.tool.slice(0, Math.max(0, grant.tool.indexOf(".")));
    const group = groupOf(connection);
    if (isPattern(grant.tool)) group.patterns.add(grant.tool);
    else if (!group.tools.has(grant.tool)) group.tools.set(grant.tool, { id: grant.tool, description: undefined, fresh: false });
  }
  return [...groups]
    .map(([connection, group]) => ({
      connection,
      patterns: [...group.patterns].toSorted(),
      tools: [...group.tools.values()].toSorted((a, b) => a.id.localeCompare(b.id)),
    }))
    .toSorted((a, b) => a.connection.localeCompare(b.connection));
}

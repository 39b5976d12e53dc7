import type { Agent, Effect, Grant, Team, Tool, User } from "../../api/types";

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

/** `gmail.send` is matched by itself, `gmail.*` and `*`. */
export function patternMatches(pattern: string, tool: string): boolean {
  if (pattern === "*" || pattern === tool) return true;
  return pattern.endsWith(".*") && tool.startsWith(pattern.slice(0, -1));
}

/** The grant set directly on this subject and this very tool or pattern. */
export function directGrant(grants: readonly Grant[], subject: string, tool: string): Grant | undefined {
  return grants.find((grant) => grant.subject === subject && grant.tool === tool);
}

/** A grant that bears on a tool without being set on this subject's own row. */
export interface Inherited {
  grant: Grant;
  effect: Effect;
}

/** Grants that reach `tool` from elsewhere: from a pattern, a team or the agent's owner. Denials first. */
export function inheritedGrants(grants: readonly Grant[], subject: Subject, tool: string): Inherited[] {
  const sources = new Set(sourcesOf(subject));
  return grants
    .filter((grant) => sources.has(grant.subject) && patternMatches(grant.tool, tool))
    .filter((grant) => grant.subject !== subject.key || grant.tool !== tool)
    .map((grant) => ({ grant, effect: grant.effect }))
    .toSorted((a, b) => rank(a.effect) - rank(b.effect));
}

function sourcesOf(subject: Subject): string[] {
  if (subject.kind === "team") return [subject.key];
  const owner = [subject.user.name, ...subject.user.teams.map((team) => `team:${team}`)];
  return subject.kind === "user" ? owner : [...owner, subject.key];
}

function rank(effect: Effect): number {
  return effect === "deny" ? 0 : 1;
}

/** Whether an agent's scope leaves the tool out; such a tool needs an allow of its own. */
export function outsideScope(subject: Subject, tool: string): boolean {
  if (subject.kind !== "agent" || subject.agent.scope.length === 0 || tool.endsWith("*")) return false;
  return !subject.agent.scope.some((pattern) => patternMatches(pattern, tool));
}

/** What a team's grants do by themselves. For users and agents the gateway itself is asked. */
export function teamVerdict(grants: readonly Grant[], team: string, tool: string): Effect | undefined {
  const matching = grants.filter((grant) => grant.subject === team && patternMatches(grant.tool, tool));
  if (matching.some((grant) => grant.effect === "deny")) return "deny";
  return matching.length > 0 ? "allow" : undefined;
}

export interface ToolGroup {
  connection: string;
  /** Rows: the connection's own pattern is not among them. */
  tools: { id: string; description: string | undefined }[];
}

/** Tools by connection, with those that are only named in the subject's grants, so that none of those hides. */
export function groupTools(tools: readonly Tool[], grants: readonly Grant[], subject: string): ToolGroup[] {
  const groups = new Map<string, Map<string, string | undefined>>();
  const add = (connection: string, id: string, description: string | undefined) => {
    const group = groups.get(connection) ?? new Map<string, string | undefined>();
    groups.set(connection, group);
    if (!group.has(id)) group.set(id, description);
  };
  for (const tool of tools) add(tool.connection, tool.id, tool.description);
  for (const grant of grants) {
    const dot = grant.tool.indexOf(".");
    if (grant.subject !== subject || dot < 0) continue;
    const connection = grant.tool.slice(0, dot);
    if (!grant.tool.endsWith(".*")) add(connection, grant.tool, undefined);
    else if (!groups.has(connection)) groups.set(connection, new Map());
  }
  return [...groups]
    .map(([connection, group]) => ({
      connection,
      tools: [...group].map(([id, description]) => ({ id, description })).toSorted((a, b) => a.id.localeCompare(b.id)),
    }))
    .toSorted((a, b) => a.connection.localeCompare(b.connection));
}

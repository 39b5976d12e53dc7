import type { Agent, Team, User } from "../../api/types";

/** Whose permissions are shown; `key` is the API's subject string. */
export type Subject =
  | { kind: "user"; key: string; user: User }
  | { kind: "agent"; key: string; user: User; agent: Agent }
  | { kind: "team"; key: string; team: Team };

export interface People {
  users: readonly User[];
  agents: readonly Agent[];
  teams: readonly Team[];
}

export function subjectKey(user: string, agent?: string): string {
  return agent === undefined ? user : `${user}/${agent}`;
}

const ofTeam = (team: Team): Subject => ({ kind: "team", key: `team:${team.name}`, team });
const ofUser = (user: User): Subject => ({ kind: "user", key: user.name, user });
const ofAgent = (user: User, agent: Agent): Subject => ({ kind: "agent", key: subjectKey(user.name, agent.name), user, agent });

export function findSubject(key: string, { users, agents, teams }: People): Subject | undefined {
  if (key.startsWith("team:")) {
    const team = teams.find((candidate) => `team:${candidate.name}` === key);
    return team && ofTeam(team);
  }
  const [name, agentName] = key.split("/", 2);
  const user = users.find((candidate) => candidate.name === name);
  if (user === undefined) return undefined;
  if (agentName === undefined) return ofUser(user);
  const agent = agents.find((candidate) => candidate.user === name && candidate.name === agentName);
  return agent && ofAgent(user, agent);
}

/**
 * Who stands in the grid. Of everybody: teams, which most grants are better made
 * to, then users. Of one subject: it, and what it gets its permissions from or
 * gives them to.
 */
export function subjectsShown(people: People, only: Subject | undefined): Subject[] {
  const { users, agents, teams } = people;
  if (only === undefined) return [...teams.map(ofTeam), ...users.map(ofUser)];
  if (only.kind === "team") return [only, ...users.filter((user) => only.team.members.includes(user.name)).map(ofUser)];
  const own = agents.filter((agent) => agent.user === only.user.name).map((agent) => ofAgent(only.user, agent));
  const groups = teams.filter((team) => only.user.teams.includes(team.name)).map(ofTeam);
  const all = [ofUser(only.user), ...own, ...groups];
  return [only, ...all.filter((subject) => subject.key !== only.key)];
}

/** Whose grants count for a subject: its own last, those of an agent's owner before. */
export function sourcesOf(subject: Subject): { owner: string[]; agent: string | undefined } {
  if (subject.kind === "team") return { owner: [subject.key], agent: undefined };
  const owner = [subject.user.name, ...subject.user.teams.map((team) => `team:${team}`)];
  return { owner, agent: subject.kind === "agent" ? subject.key : undefined };
}

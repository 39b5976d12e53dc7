import { Autocomplete, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { useGateway } from "../../api/gateway";
import { agentsQuery, grantsQuery, teamsQuery, toolsQuery, usersQuery } from "../../api/queries";
import { useRole } from "../../api/use-role";
import { strings } from "../../strings";
import { subjectKey } from "./subject";

const t = strings.grants;
const MOST_SHOWN = 50;

interface SubjectSelectProps {
  label: string;
  description?: string;
  value: string | undefined;
  error?: ReactNode;
  /** Only users and agents: a team calls nothing. */
  callersOnly?: boolean;
  width?: number;
  size?: "xs" | "sm";
  placeholder?: string;
  /** The label is for those who do not see what stands around it. */
  hideLabel?: boolean;
  testId: string;
  onChange: (subject: string | undefined) => void;
}

export function SubjectSelect({ label, description, value, error, callersOnly = false, width, size = "sm", placeholder = t.choose, hideLabel = false, testId, onChange }: SubjectSelectProps) {
  const { client } = useGateway();
  const users = useQuery(usersQuery(client)).data ?? [];
  const agents = useQuery(agentsQuery(client)).data ?? [];
  const member = useRole() === "member";
  const teams = useQuery({ ...teamsQuery(client), enabled: !member }).data ?? [];
  const names = {
    users: users.map((user) => user.name),
    agents: agents.map((agent) => subjectKey(agent.user, agent.name)),
    teams: callersOnly ? [] : teams.map((team) => `team:${team.name}`),
  };
  const known = [names.users, names.agents, names.teams].some((group) => value !== undefined && group.includes(value));
  return (
    <Select
      size={size}
      label={hideLabel ? undefined : label}
      aria-label={hideLabel ? label : undefined}
      description={description}
      inputWrapperOrder={["label", "input", "description", "error"]}
      error={error}
      placeholder={placeholder}
      searchable
      clearable={false}
      allowDeselect={false}
      maxDropdownHeight={360}
      limit={MOST_SHOWN}
      w={width ?? "100%"}
      nothingFoundMessage={t.nobodyFound}
      value={value ?? null}
      onChange={(chosen) => onChange(chosen ?? undefined)}
      data-testid={testId}
      data={[
        { group: t.users, items: names.users },
        { group: t.agents, items: names.agents },
        { group: t.teams, items: names.teams.map((name) => ({ value: name, label: name.slice("team:".length) })) },
        // What is set but gone must not look as if nothing were.
        ...(value !== undefined && !known ? [value] : []),
      ].filter((group) => typeof group === "string" || group.items.length > 0)}
    />
  );
}

interface ToolInputProps {
  label: string;
  description?: string;
  value: string;
  error?: ReactNode;
  /** Offers patterns, too. */
  patterns?: boolean;
  testId: string;
  onChange: (tool: string) => void;
}

export function ToolInput({ label, description, value, error, patterns = false, testId, onChange }: ToolInputProps) {
  const { client } = useGateway();
  const tools = useQuery(toolsQuery(client)).data ?? [];
  const grants = useQuery(grantsQuery(client)).data ?? [];
  const connections = [...new Set(tools.map((tool) => tool.connection))];
  const suggested = patterns
    ? [
        "*",
        "*:read",
        "*:write",
        "*:destructive",
        ...connections.flatMap((name) => [`${name}.*`, `${name}.*:read`, `${name}.*:write`, `${name}.*:destructive`]),
        ...tools.filter(({ kind }) => kind !== undefined && kind !== "tool").map(({ connection, kind }) => `${connection}.@${kind === "prompt" ? "prompt" : "resource"}/*`),
      ]
    : [];
  // A template by itself is of no use in a grant, and is read by none.
  const ids = tools.filter((tool) => tool.kind !== "template" || patterns).map((tool) => (tool.kind === "template" && tool.grant_as ? tool.grant_as : tool.id));
  const used = patterns ? grants.map((grant) => grant.tool) : [];
  return (
    <Autocomplete
      label={label}
      description={description}
      inputWrapperOrder={["label", "input", "description", "error"]}
      error={error}
      className="mono"
      autoComplete="off"
      spellCheck={false}
      limit={MOST_SHOWN}
      maxDropdownHeight={280}
      value={value}
      onChange={onChange}
      data={[...new Set([...ids, ...suggested, ...used])].toSorted()}
      data-testid={testId}
    />
  );
}

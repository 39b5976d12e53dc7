import { Select, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { agentsQuery, grantsQuery, teamsQuery, toolsQuery, usersQuery } from "../../api/queries";
import { Empty, Failure, Loading } from "../../components/states";
import { strings } from "../../strings";
import { GrantTable } from "./grant-table";
import { findSubject, subjectKey } from "./resolve";

const t = strings.grants;

/** One subject's part of the permission map. */
export function GrantsView({ subject: key, onSubject }: { subject: string | undefined; onSubject: (subject: string | undefined) => void }) {
  const { client } = useGateway();
  const users = useQuery(usersQuery(client));
  const agents = useQuery(agentsQuery(client));
  const teams = useQuery(teamsQuery(client));
  const grants = useQuery(grantsQuery(client));
  const tools = useQuery(toolsQuery(client));

  const all = [users, agents, teams, grants, tools];
  const failed = all.find((query) => query.isError && query.data === undefined);
  if (failed) {
    const error = asApiError(failed.error);
    return <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => all.forEach((query) => void query.refetch()) }} />;
  }
  if (!users.data || !agents.data || !teams.data || !grants.data || !tools.data) return <Loading label={strings.loading} />;

  const subject = key === undefined ? undefined : findSubject(key, users.data, agents.data, teams.data);
  return (
    <>
      <div className="toolbar">
        <Select
          label={t.subject}
          placeholder={t.choose}
          searchable
          clearable={false}
          maxDropdownHeight={360}
          w={320}
          nothingFoundMessage={t.nobodyFound}
          value={subject?.key ?? null}
          onChange={(value) => onSubject(value ?? undefined)}
          data-testid="grants-user"
          data={[
            { group: t.users, items: users.data.map((user) => ({ value: user.name, label: user.name })) },
            {
              group: t.agents,
              items: agents.data.map((agent) => {
                const value = subjectKey(agent.user, agent.name);
                return { value, label: value };
              }),
            },
            { group: t.teams, items: teams.data.map((team) => ({ value: `team:${team.name}`, label: team.name })) },
          ]}
        />
        {subject && (
          <Text size="sm" c="dimmed" className="toolbar-note">
            {subject.kind === "team" && t.teamNote(subject.team.members)}
            {subject.kind === "user" && t.userNote(subject.user.teams)}
            {subject.kind === "agent" && t.agentNote(subject.user.name, subject.agent.scope)}
          </Text>
        )}
      </div>
      {subject === undefined ? (
        <Empty icon="key" title={key === undefined ? t.chooseTitle : t.goneTitle(key)} text={t.chooseText} />
      ) : (
        <GrantTable key={subject.key} subject={subject} grants={grants.data} tools={tools.data} />
      )}
    </>
  );
}

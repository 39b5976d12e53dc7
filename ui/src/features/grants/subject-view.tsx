import { Text } from "@mantine/core";

import type { Agent, Grant, Team, Tool, User } from "../../api/types";
import { Empty } from "../../components/states";
import { strings } from "../../strings";
import { GrantTable } from "./grant-table";
import { findSubject } from "./resolve";
import { SubjectSelect } from "./subject-select";

const t = strings.grants;

interface SubjectViewProps {
  subject: string | undefined;
  users: readonly User[];
  agents: readonly Agent[];
  teams: readonly Team[];
  grants: readonly Grant[];
  tools: readonly Tool[];
  onSubject: (subject: string | undefined) => void;
}

/** One subject's part of the permission map. */
export function SubjectView({ subject: key, users, agents, teams, grants, tools, onSubject }: SubjectViewProps) {
  const subject = key === undefined ? undefined : findSubject(key, users, agents, teams);
  return (
    <>
      <div className="toolbar">
        <SubjectSelect label={t.subject} width={320} value={subject?.key} onChange={onSubject} testId="grants-user" />
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
        <GrantTable key={subject.key} subject={subject} grants={grants} tools={tools} />
      )}
    </>
  );
}

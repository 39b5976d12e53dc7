import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { asApiError } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { agentsQuery, grantsQuery, teamsQuery, toolsQuery, usersQuery } from "../../api/queries";
import { useRole } from "../../api/use-role";
import { Failure, Loading } from "../../components/states";
import { strings } from "../../strings";
import { ExplainPanel } from "./explain/explain-panel";
import { GrantList } from "./grant-list";
import { isFresh } from "./resolve";
import { SubjectView } from "./subject-view";
import { Suggestions } from "./suggestions";

const t = strings.grants;

export const GRANT_VIEWS = ["subject", "all", "suggestions", "why"] as const;
export type GrantsPart = (typeof GRANT_VIEWS)[number];

interface GrantsViewProps {
  view: GrantsPart;
  subject: string | undefined;
  /** The one grant that a link points at. */
  grant: string | undefined;
  newToolsHref: string;
  onView: (view: GrantsPart) => void;
  onSubject: (subject: string | undefined) => void;
}

/** The permission map: by subject, as a list, what could go, and why a call is decided as it is. */
export function GrantsView({ view, subject, grant, newToolsHref, onView, onSubject }: GrantsViewProps) {
  const { client } = useGateway();
  const role = useRole();
  // Suggestions look at the whole trail, which is not a member's to see.
  const views = GRANT_VIEWS.filter((part) => part !== "suggestions" || role !== "member");
  const users = useQuery(usersQuery(client));
  const agents = useQuery(agentsQuery(client));
  const teams = useQuery(teamsQuery(client));
  const grants = useQuery(grantsQuery(client));
  const tools = useQuery(toolsQuery(client));
  const [now] = useState(() => Date.now());

  const all = [users, agents, teams, grants, tools];
  const failed = all.find((query) => query.isError && query.data === undefined);
  if (failed) {
    const error = asApiError(failed.error);
    return <Failure message={error.message} next={error.next} action={{ label: strings.retry, run: () => all.forEach((query) => void query.refetch()) }} />;
  }
  if (!users.data || !agents.data || !teams.data || !grants.data || !tools.data) return <Loading label={strings.loading} />;
  const fresh = role === "member" ? 0 : tools.data.filter((tool) => isFresh(tool, now)).length;

  return (
    <>
      <Tabs value={view} onChange={(value) => onView(GRANT_VIEWS.find((part) => part === value) ?? "subject")}>
        <Tabs.List aria-label={t.viewsLabel}>
          {views.map((part) => (
            <Tabs.Tab key={part} value={part} data-testid={`grants-view-${part}`}>
              {t.views[part]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      {fresh > 0 && view !== "why" && (
        <p className="note" data-tone="wait">
          {t.ungranted(fresh)} <a href={newToolsHref}>{t.ungrantedShow}</a>
        </p>
      )}
      {view === "subject" && <SubjectView subject={subject} users={users.data} agents={agents.data} teams={teams.data} grants={grants.data} tools={tools.data} onSubject={onSubject} />}
      {view === "all" && <GrantList grants={grants.data} only={grant} onAll={() => onView("all")} />}
      {view === "suggestions" && <Suggestions />}
      {view === "why" && (
        <div className="panel padded">
          <ExplainPanel caller={subject?.startsWith("team:") ? undefined : subject} />
        </div>
      )}
    </>
  );
}

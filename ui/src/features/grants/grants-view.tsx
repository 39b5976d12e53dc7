import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";

import { useGateway } from "../../api/gateway";
import { agentsQuery, grantsQuery, teamsQuery, toolsQuery, usersQuery } from "../../api/queries";
import { useRole } from "../../api/use-role";
import { Unread } from "../../components/states";
import { strings } from "../../strings";
import { ExplainPanel } from "./explain/explain-panel";
import { GrantList } from "./grant-list";
import type { GridFilter } from "./grid/grid-toolbar";
import { GridView } from "./grid/grid-view";
import { isFresh } from "./grid/rows";
import { useStaged } from "./grid/use-staged";
import { GRANT_VIEWS, type GrantsPart } from "./parts";
import { Suggestions } from "./suggestions";
import "./grants.css";

const t = strings.grants;

interface GrantsViewProps {
  view: GrantsPart;
  filter: GridFilter;
  /** The one grant that a link points at. */
  grant: string | undefined;
  newToolsHref: string;
  onView: (view: GrantsPart) => void;
  onFilter: (filter: GridFilter) => void;
  /** How many edits are not applied, which leaving the page would lose. */
  onUnsaved: (count: number) => void;
}

/** The permission map: as a grid, as a list, what could go, and why a call is decided as it is. */
export function GrantsView({ view, filter, grant, newToolsHref, onView, onFilter, onUnsaved }: GrantsViewProps) {
  const { client } = useGateway();
  const role = useRole();
  // Suggestions look at the whole trail, which is not a member's to see.
  const views = GRANT_VIEWS.filter((part) => part !== "suggestions" || role !== "member");
  const users = useQuery(usersQuery(client));
  const agents = useQuery(agentsQuery(client));
  // Teams are not a member's to see; their grants are.
  const seesTeams = role !== "member";
  const teams = useQuery({ ...teamsQuery(client), enabled: seesTeams });
  const grants = useQuery(grantsQuery(client));
  const tools = useQuery(toolsQuery(client));
  const [now] = useState(() => Date.now());
  const edits = useStaged();
  const unsaved = edits.edits.size;
  useEffect(() => onUnsaved(unsaved), [unsaved, onUnsaved]);
  const people = useMemo(() => ({ users: users.data ?? [], agents: agents.data ?? [], teams: teams.data ?? [] }), [users.data, agents.data, teams.data]);

  const wanted = [users, agents, grants, tools, ...(seesTeams ? [teams] : [])];
  const missing = wanted.find((query) => query.isError && query.data === undefined) ?? wanted.find((query) => query.data === undefined);
  if (missing !== undefined || !users.data || !agents.data || !grants.data || !tools.data) {
    return (
      <>
        <h1>{t.title}</h1>
        {missing && <Unread of={{ ...missing, refetch: () => wanted.forEach((query) => void query.refetch()) }} />}
      </>
    );
  }
  const fresh = role === "member" ? 0 : tools.data.filter((tool) => isFresh(tool, now)).length;

  return (
    <>
      <div className="titled-tabs">
        <h1>{t.title}</h1>
        <Tabs value={view} onChange={(value) => onView(GRANT_VIEWS.find((part) => part === value) ?? "grid")}>
          <Tabs.List aria-label={t.viewsLabel}>
            {views.map((part) => (
              <Tabs.Tab key={part} value={part} data-testid={`grants-view-${part}`}>
                {t.views[part]}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
      </div>
      {fresh > 0 && view !== "why" && (
        <p className="note" data-tone="wait">
          {t.ungranted(fresh)} <a href={newToolsHref}>{t.ungrantedShow}</a>
        </p>
      )}
      {view === "grid" && <GridView people={people} grants={grants.data} tools={tools.data} edits={edits} filter={filter} onFilter={onFilter} />}
      {view === "all" && <GrantList grants={grants.data} only={grant} onAll={() => onView("all")} />}
      {view === "suggestions" && <Suggestions />}
      {view === "why" && (
        <div className="panel padded">
          <ExplainPanel caller={filter.subject?.startsWith("team:") ? undefined : filter.subject} />
        </div>
      )}
    </>
  );
}

import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";

import { useGateway } from "../api/gateway";
import { sessionQuery } from "../api/queries";
import { PageHead } from "../components/page-head";
import { ConnectAgents } from "../features/clients/connect-agents";
import { PeopleView } from "../features/people/people-view";
import { strings } from "../strings";
import { subjectHref } from "./links";
import { PEOPLE_VIEWS } from "./views";

const route = getRouteApi("/people");
const t = strings.clients;

export function PeoplePage() {
  const { user, view = "people" } = route.useSearch();
  const navigate = route.useNavigate();
  const { client, host } = useGateway();
  const session = useQuery(sessionQuery(client));
  const grantsHref = subjectHref(useRouter());
  const views = { ...t.views, clients: host.shell ? t.views.clients : t.elsewhere.title };
  return (
    <>
      <Tabs value={view} onChange={(value) => void navigate({ search: { view: PEOPLE_VIEWS.find((part) => part === value) } })}>
        <Tabs.List aria-label={t.viewsLabel}>
          {PEOPLE_VIEWS.map((part) => (
            <Tabs.Tab key={part} value={part} data-testid={`people-view-${part}`}>
              {views[part]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      {view === "people" && <PeopleView open={user} onOpen={(name) => void navigate({ search: { user: name } })} grantsHref={grantsHref} />}
      {view === "clients" && session.data && (
        <>
          <PageHead title={host.shell ? t.title : t.elsewhere.title} hint={t.intro} />
          <ConnectAgents user={session.data.user} />
        </>
      )}
    </>
  );
}

import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";

import { useGateway } from "../api/gateway";
import { sessionQuery } from "../api/queries";
import { ConnectAgents } from "../features/clients/connect-agents";
import { HowTo } from "../features/clients/how-to";
import { PeopleView } from "../features/people/people-view";
import { settingsHref, subjectHref } from "./links";

const route = getRouteApi("/people");

export function PeoplePage() {
  const { user, part, find, add } = route.useSearch();
  const navigate = route.useNavigate();
  const { client } = useGateway();
  const session = useQuery(sessionQuery(client));
  const router = useRouter();
  return (
    <PeopleView
      part={part ?? "users"}
      find={find ?? ""}
      open={user}
      onPart={(next) => void navigate({ search: { part: next === "users" ? undefined : next } })}
      onFind={(text) => void navigate({ search: (search) => ({ ...search, find: text || undefined }), replace: true })}
      adding={add === true}
      onAdding={(next) => void navigate({ search: (search) => ({ ...search, add: next || undefined }) })}
      onOpen={(name) => void navigate({ search: (search) => ({ ...search, user: name, add: undefined }) })}
      grantsHref={subjectHref(router)}
      sharingHref={settingsHref(router, "sharing")}
      HowTo={HowTo}
      clients={session.data && <ConnectAgents user={session.data.user} sharingHref={settingsHref(router, "sharing")} permissionsHref={subjectHref(router)(session.data.user)} />}
    />
  );
}

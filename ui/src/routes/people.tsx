import { getRouteApi, useRouter } from "@tanstack/react-router";

import { PeopleView } from "../features/people/people-view";
import { subjectHref } from "./links";

const route = getRouteApi("/people");

export function PeoplePage() {
  const { user } = route.useSearch();
  const navigate = route.useNavigate();
  return <PeopleView open={user} onOpen={(name) => void navigate({ search: { user: name } })} grantsHref={subjectHref(useRouter())} />;
}

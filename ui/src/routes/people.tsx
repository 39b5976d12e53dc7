import { getRouteApi, useRouter } from "@tanstack/react-router";

import { PeopleView } from "../features/people/people-view";
import { sharingHref, subjectHref } from "./links";

const route = getRouteApi("/people");

export function PeoplePage() {
  const { user } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  return <PeopleView open={user} onOpen={(name) => void navigate({ search: { user: name } })} grantsHref={subjectHref(router)} sharingHref={sharingHref(router)} />;
}

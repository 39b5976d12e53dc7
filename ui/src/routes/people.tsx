import { getRouteApi, useRouter } from "@tanstack/react-router";

import { PeopleView } from "../features/people/people-view";

const route = getRouteApi("/people");

export function PeoplePage() {
  const { user } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const grantsHref = (subject: string) => router.history.createHref(router.buildLocation({ to: "/grants", search: { subject } }).href);
  return <PeopleView open={user} onOpen={(name) => void navigate({ search: { user: name } })} grantsHref={grantsHref} />;
}

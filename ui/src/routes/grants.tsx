import { getRouteApi } from "@tanstack/react-router";

import { GrantsView } from "../features/grants/grants-view";
import { strings } from "../strings";

const route = getRouteApi("/grants");

export function GrantsPage() {
  const { subject } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <h1>{strings.grants.title}</h1>
      <GrantsView subject={subject} onSubject={(next) => void navigate({ search: { subject: next } })} />
    </>
  );
}

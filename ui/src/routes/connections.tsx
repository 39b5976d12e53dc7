import { getRouteApi } from "@tanstack/react-router";

import { ConnectionsView } from "../features/connections/connections-view";

const route = getRouteApi("/connections");

export function ConnectionsPage() {
  const { open } = route.useSearch();
  const navigate = route.useNavigate();
  return <ConnectionsView open={open} onOpen={(name) => void navigate({ search: { open: name } })} />;
}

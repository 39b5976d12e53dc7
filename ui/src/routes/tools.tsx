import { getRouteApi } from "@tanstack/react-router";

import { ToolsView } from "../features/tools/tools-view";

const route = getRouteApi("/tools");

export function ToolsPage() {
  const { find, show, kind } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <ToolsView
      find={find}
      show={show ?? "all"}
      kind={kind ?? "all"}
      onFilter={(filter) => void navigate({ search: { find: filter.find, show: filter.show === "all" ? undefined : filter.show, kind: filter.kind === "all" ? undefined : filter.kind }, replace: true })}
    />
  );
}

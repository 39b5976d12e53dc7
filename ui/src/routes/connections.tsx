import { getRouteApi } from "@tanstack/react-router";

import { useRole } from "../api/use-role";
import { ConnectionsView, OwnAccounts } from "../features/connections/connections-view";
import { ToolGrants } from "../features/grants/tool-grants";
import { ReviewDialog } from "../features/tools/definition/review-dialog";

const route = getRouteApi("/connections");

export function ConnectionsPage() {
  const { open, add } = route.useSearch();
  const navigate = route.useNavigate();
  if (useRole() === "member") return <OwnAccounts />;
  return <ConnectionsView open={open} adding={add === true} onAdding={(next) => void navigate({ search: { open, add: next || undefined } })} onOpen={(name) => void navigate({ search: { open: name } })} Access={ToolGrants} Review={ReviewDialog} />;
}

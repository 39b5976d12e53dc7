import { getRouteApi, useRouter } from "@tanstack/react-router";

import { ApprovalsView } from "../features/approvals/approvals-view";
import { AlwaysDialog } from "../features/grants/always-dialog";
import { grantHref } from "./links";

const route = getRouteApi("/approvals");

export function ApprovalsPage() {
  const { open, ...filter } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  return (
    <ApprovalsView
      open={open}
      filter={filter}
      onFilter={(next) => void navigate({ search: (search) => ({ ...search, ...next }), replace: true })}
      grantHref={grantHref(router)}
      Always={AlwaysDialog}
    />
  );
}

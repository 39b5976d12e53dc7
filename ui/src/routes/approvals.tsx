import { useRouter } from "@tanstack/react-router";

import { ApprovalsView } from "../features/approvals/approvals-view";
import { AlwaysDialog } from "../features/grants/always-dialog";
import { grantHref } from "./links";

export function ApprovalsPage() {
  const router = useRouter();
  return <ApprovalsView grantHref={grantHref(router)} Always={AlwaysDialog} />;
}

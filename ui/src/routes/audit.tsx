import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

import { AuditView } from "../features/audit/audit-view";
import { CallDrawer } from "../features/audit/story/call-drawer";
import { filterOf } from "../features/audit/trail/filter";
import { GrantLine } from "../features/grants/change-list";
import { GrantThis } from "../features/grants/grant-this";
import { ExplainPanel } from "../features/grants/explain/explain-panel";
import { auditHref, grantHref } from "./links";

const route = getRouteApi("/audit");

export function AuditPage() {
  const { call, view, ...search } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const stamp = JSON.stringify(search);
  const filter = useMemo(() => filterOf(JSON.parse(stamp) as Record<string, unknown>), [stamp]);
  const open = useCallback((id: string | undefined) => void navigate({ search: (now) => ({ ...now, call: id }) }), [navigate]);
  return (
    <>
      <AuditView
        view={view ?? "trail"}
        filter={filter}
        proofHref={auditHref(router, "proof")}
        onView={(next) => void navigate({ search: { ...filter, view: next === "trail" ? undefined : next } })}
        onFilter={(next) => void navigate({ search: { ...next, view }, replace: true })}
        onOpen={open}
      />
      <CallDrawer id={call} grantHref={grantHref(router)} GrantLine={GrantLine} Why={ExplainPanel} GrantThis={GrantThis} onClose={() => open(undefined)} />
    </>
  );
}

import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useCallback } from "react";

import { CallDrawer } from "../features/audit/story/call-drawer";
import { FeedView } from "../features/audit/feed/feed-view";
import { GrantLine } from "../features/grants/change-list";
import { ExplainPanel } from "../features/grants/explain/explain-panel";
import { OwnAgents } from "../features/people/own-agents";
import { ChangedTools } from "../features/status/changed-tools";
import { Counts } from "../features/status/counts";
import { OwnPermissions } from "../features/tools/own-permissions";
import { strings } from "../strings";
import { useRole } from "../api/use-role";
import { auditHref, grantHref, subjectHref, toolsHref } from "./links";

const route = getRouteApi("/");

export function HomePage() {
  const { call, decision, find } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const open = useCallback((id: string | undefined) => void navigate({ search: (search) => ({ ...search, call: id }) }), [navigate]);
  return (
    <div className="home">
      <h1 className="visually-hidden">{strings.nav.home}</h1>
      <ChangedTools href={toolsHref(router, "changed")} />
      {useRole() === "member" ? (
        <div className="own-home">
          <OwnAgents grantsHref={subjectHref(router)} />
          <OwnPermissions toolsHref={toolsHref(router, "all")} />
        </div>
      ) : (
        <Counts />
      )}
      <FeedView
        filter={{ decision, text: find }}
        onFilter={(filter) => void navigate({ search: (search) => ({ ...search, decision: filter.decision, find: filter.text }), replace: true })}
        trailHref={auditHref(router, undefined, { decision, text: find })}
        onOpen={open}
      />
      <CallDrawer id={call} grantHref={grantHref(router)} GrantLine={GrantLine} Why={ExplainPanel} onClose={() => open(undefined)} />
    </div>
  );
}

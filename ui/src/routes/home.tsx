import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useCallback } from "react";

import { useRole } from "../api/use-role";
import { ActivityPanel } from "../features/activity/activity-panel";
import { CallDrawer } from "../features/audit/story/call-drawer";
import { FeedView } from "../features/audit/feed/feed-view";
import { HowTo } from "../features/clients/how-to";
import { GrantLine } from "../features/grants/change-list";
import { GrantThis } from "../features/grants/grant-this";
import { ExplainPanel } from "../features/grants/explain/explain-panel";
import { OwnAgents } from "../features/people/own-agents";
import { UnconfirmedKey } from "../features/session/unconfirmed-key";
import { StartChecklist } from "../features/start/checklist";
import { ChangedTools } from "../features/status/changed-tools";
import { HealthPanel } from "../features/status/health-panel";
import { OwnPermissions } from "../features/tools/own-permissions";
import { strings } from "../strings";
import { auditHref, connectHref, connectionsHref, grantHref, homeHref, peopleHref, settingsHref, subjectHref, toolsHref } from "./links";
import "./home.css";

const route = getRouteApi("/");

export function HomePage() {
  const { call, decision, find } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const open = useCallback((id: string | undefined) => void navigate({ search: (search) => ({ ...search, call: id }) }), [navigate]);
  const member = useRole() === "member";
  return (
    <div className="home">
      <h1 className="visually-hidden">{strings.nav.home}</h1>
      <UnconfirmedKey keychainHref={settingsHref(router, "keychain")} />
      <StartChecklist onStep={(step) => void router.navigate({ to: "/welcome", search: { step } })} />
      <ChangedTools href={toolsHref(router, "changed")} />
      {member && (
        <div className="own-home">
          <OwnAgents grantsHref={subjectHref(router)} connectHref={connectHref(router)} HowTo={HowTo} />
          <OwnPermissions toolsHref={toolsHref(router, "all")} />
        </div>
      )}
      <ActivityPanel
        deniedHref={homeHref(router, "deny")}
        approvalsHref={router.history.createHref(router.buildLocation({ to: "/approvals" }).href)}
        trailHref={(since, until) => auditHref(router, undefined, { since, until })}
        go={(href) => window.location.assign(href)}
      />
      <div className="home-parts">
        <FeedView
          filter={{ decision, text: find }}
          onFilter={(filter) => void navigate({ search: (search) => ({ ...search, decision: filter.decision, find: filter.text }), replace: true })}
          trailHref={auditHref(router, undefined, { decision, text: find })}
          onOpen={open}
        />
        <HealthPanel connectionsHref={connectionsHref(router)} peopleHref={peopleHref(router)} />
      </div>
      <CallDrawer id={call} grantHref={grantHref(router)} GrantLine={GrantLine} Why={ExplainPanel} GrantThis={GrantThis} onClose={() => open(undefined)} />
    </div>
  );
}

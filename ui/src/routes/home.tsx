import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useCallback } from "react";

import { CallDrawer } from "../features/feed/call-drawer";
import { FeedView } from "../features/feed/feed-view";
import { ExplainPanel } from "../features/grants/explain/explain-panel";
import { Counts } from "../features/status/counts";
import { strings } from "../strings";
import { grantHref } from "./links";

const route = getRouteApi("/");

export function HomePage() {
  const { call, decision, find } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const open = useCallback((id: string | undefined) => void navigate({ search: (search) => ({ ...search, call: id }) }), [navigate]);
  return (
    <div className="home">
      <h1 className="visually-hidden">{strings.nav.home}</h1>
      <Counts />
      <FeedView
        filter={{ decision, text: find }}
        onFilter={(filter) => void navigate({ search: (search) => ({ ...search, decision: filter.decision, find: filter.text }), replace: true })}
        onOpen={open}
      />
      <CallDrawer id={call} grantHref={grantHref(router)} Why={ExplainPanel} onClose={() => open(undefined)} />
    </div>
  );
}

import { getRouteApi } from "@tanstack/react-router";
import { useCallback } from "react";

import { CallDrawer } from "../features/feed/call-drawer";
import { FeedView } from "../features/feed/feed-view";
import { Counts } from "../features/status/counts";
import { strings } from "../strings";

const route = getRouteApi("/");

export function HomePage() {
  const { call, decision, find } = route.useSearch();
  const navigate = route.useNavigate();
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
      <CallDrawer id={call} onClose={() => open(undefined)} />
    </div>
  );
}

import { getRouteApi, useBlocker, useRouter } from "@tanstack/react-router";
import { useCallback, useRef } from "react";

import { Leave } from "../features/grants/leave";
import { GrantsView } from "../features/grants/grants-view";
import { strings } from "../strings";
import { toolsHref } from "./links";

const route = getRouteApi("/grants");

export function GrantsPage() {
  const { subject, find, who, view, grant } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const unsaved = useRef(0);
  const count = useCallback((edits: number) => {
    unsaved.current = edits;
  }, []);
  const leaving = useBlocker({
    shouldBlockFn: ({ current, next }) => unsaved.current > 0 && next.pathname !== current.pathname,
    enableBeforeUnload: () => unsaved.current > 0,
    withResolver: true,
  });
  return (
    <>
      <h1>{strings.grants.title}</h1>
      <GrantsView
        view={view ?? "grid"}
        filter={{ subject, find, who }}
        grant={grant}
        newToolsHref={toolsHref(router, "ungranted")}
        onView={(next) => void navigate({ search: { subject, find, who, view: next === "grid" ? undefined : next } })}
        onFilter={(next) => void navigate({ search: next, replace: next.subject === subject })}
        onUnsaved={count}
      />
      {leaving.status === "blocked" && <Leave count={unsaved.current} onLeave={leaving.proceed} onStay={leaving.reset} />}
    </>
  );
}

import { getRouteApi, useBlocker, useRouter } from "@tanstack/react-router";
import { useState } from "react";

import { Leave } from "../features/grants/leave";
import { GrantsView } from "../features/grants/grants-view";
import { toolsHref } from "./links";

const route = getRouteApi("/grants");

export function GrantsPage() {
  const { subject, find, who, view, grant } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  const [unsaved, setUnsaved] = useState(0);
  const leaving = useBlocker({
    shouldBlockFn: ({ current, next }) => unsaved > 0 && next.pathname !== current.pathname,
    enableBeforeUnload: () => unsaved > 0,
    withResolver: true,
  });
  return (
    <>
      <GrantsView
        view={view ?? "grid"}
        filter={{ subject, find, who }}
        grant={grant}
        newToolsHref={toolsHref(router, "ungranted")}
        onView={(next) => void navigate({ search: { subject, find, who, view: next === "grid" ? undefined : next } })}
        onFilter={(next) => void navigate({ search: next, replace: next.subject === subject })}
        onUnsaved={setUnsaved}
      />
      {leaving.status === "blocked" && <Leave count={unsaved} onLeave={leaving.proceed} onStay={leaving.reset} />}
    </>
  );
}

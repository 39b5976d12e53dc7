import { getRouteApi, useRouter } from "@tanstack/react-router";

import { GrantsView } from "../features/grants/grants-view";
import { strings } from "../strings";
import { toolsHref } from "./links";

const route = getRouteApi("/grants");

export function GrantsPage() {
  const { subject, view, grant } = route.useSearch();
  const navigate = route.useNavigate();
  const router = useRouter();
  return (
    <>
      <h1>{strings.grants.title}</h1>
      <GrantsView
        view={view ?? "subject"}
        subject={subject}
        grant={grant}
        newToolsHref={toolsHref(router, "ungranted")}
        onView={(next) => void navigate({ search: { subject, view: next === "subject" ? undefined : next } })}
        onSubject={(next) => void navigate({ search: { subject: next } })}
      />
    </>
  );
}

import { getRouteApi, Navigate, useNavigate } from "@tanstack/react-router";

import { useIsAdmin } from "../api/use-role";
import { FirstConnection } from "../features/connections/first-connection";
import { FirstCall } from "../features/start/first-call";
import { NewAgent } from "../features/start/new-agent";
import { StartView } from "../features/start/start-view";

const route = getRouteApi("/welcome");

/** The step is in the URL, so that a reload stays at it. */
export function WelcomePage() {
  const { step = "tool" } = route.useSearch();
  const navigate = useNavigate();
  if (!useIsAdmin()) return <Navigate to="/" replace />;
  return (
    <StartView
      step={step}
      parts={{ tool: <FirstConnection />, agent: <NewAgent />, call: <FirstCall /> }}
      onStep={(next) => void navigate({ to: "/welcome", search: { step: next } })}
      onLeave={() => void navigate({ to: "/" })}
    />
  );
}

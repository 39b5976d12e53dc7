import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Navigate, useNavigate } from "@tanstack/react-router";

import { useGateway } from "../api/gateway";
import { sessionQuery } from "../api/queries";
import { useIsAdmin } from "../api/use-role";
import { ConnectAgents } from "../features/clients/connect-agents";
import { useTokenFile } from "../features/clients/use-token-file";
import { FirstConnection } from "../features/connections/first-connection";
import { FirstCall } from "../features/start/first-call";
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
      parts={{ tool: <FirstConnection />, agent: <FirstAgent />, call: <FirstCallOfMine /> }}
      onStep={(next) => void navigate({ to: "/welcome", search: { step: next } })}
      onLeave={() => void navigate({ to: "/" })}
    />
  );
}

/** Of whoever is signed in. */
function FirstAgent() {
  const { client } = useGateway();
  const user = useQuery(sessionQuery(client)).data?.user;
  return user !== undefined && <ConnectAgents user={user} />;
}

function FirstCallOfMine() {
  const { client } = useGateway();
  return <FirstCall tokenFile={useTokenFile(useQuery(sessionQuery(client)).data?.user)} />;
}

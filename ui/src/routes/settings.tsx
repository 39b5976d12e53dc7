import { getRouteApi, useRouter } from "@tanstack/react-router";

import { useGateway } from "../api/gateway";
import { ClientChecks } from "../features/clients/client-checks";
import { Listening } from "../features/settings/sections/listening";
import { SettingsView } from "../features/settings/settings-view";
import { SharingSettings } from "../features/sharing/sharing-settings";
import { connectionsHref } from "./links";

const route = getRouteApi("/settings");

export function SettingsPage() {
  const { part } = route.useSearch();
  const navigate = route.useNavigate();
  const { shell } = useGateway().host;
  return (
    <SettingsView
      part={part}
      onPart={(next) => void navigate({ search: { part: next } })}
      sharing={<Sharing />}
      clients={shell && <ClientChecks shell={shell.clients} />}
      connectionHref={connectionsHref(useRouter())}
    />
  );
}

/** Where the gateway listens; what it can be set to comes below it. */
function Sharing() {
  return (
    <>
      <Listening />
      <SharingSettings />
    </>
  );
}

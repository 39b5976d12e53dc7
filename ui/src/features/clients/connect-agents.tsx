import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import { useIsAdmin } from "../../api/use-role";
import { Bundle } from "./bundle";
import { Instructions } from "./instructions";
import { MachineClients } from "./machine-clients";
import { ManagedSettings } from "./managed";
import "./clients.css";

interface ConnectAgentsProps {
  user: string;
  /** Where other machines are let in; without it, nothing is said of them. */
  sharingHref?: string;
  /** Where it is said what agents may do; the first run comes to it by itself. */
  permissionsHref?: string;
}

/** Points clients at the gateway as agents of `user`: by itself in the window; by instructions where it cannot, as in a browser, which has no files. */
export function ConnectAgents({ user, sharingHref, permissionsHref }: ConnectAgentsProps) {
  const { host } = useGateway();
  const isAdmin = useIsAdmin();
  const shell = host.shell?.clients;
  // What comes below would jump away from under a click.
  const looking = useQuery({ queryKey: [keys.clients], queryFn: () => shell?.list() ?? [], enabled: shell !== undefined }).isLoading;
  return (
    <>
      {shell && <MachineClients shell={shell} user={user} permissionsHref={permissionsHref} />}
      {!looking && <Instructions user={user} sharingHref={sharingHref} />}
      {shell && !looking && sharingHref !== undefined && <Bundle shell={shell} sharingHref={sharingHref} />}
      {shell && !looking && isAdmin && sharingHref !== undefined && <ManagedSettings shell={shell} sharingHref={sharingHref} />}
    </>
  );
}

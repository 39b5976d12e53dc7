import { useGateway } from "../../api/gateway";
import { useIsAdmin } from "../../api/use-role";
import { Bundle } from "./bundle";
import { Instructions } from "./instructions";
import { MachineClients } from "./machine-clients";
import { ManagedSettings } from "./managed";

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
  return (
    <>
      {shell && <MachineClients shell={shell} user={user} permissionsHref={permissionsHref} />}
      <Instructions user={user} sharingHref={sharingHref} />
      {shell && sharingHref !== undefined && <Bundle shell={shell} sharingHref={sharingHref} />}
      {shell && isAdmin && sharingHref !== undefined && <ManagedSettings shell={shell} sharingHref={sharingHref} />}
    </>
  );
}

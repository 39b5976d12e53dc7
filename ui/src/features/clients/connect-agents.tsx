import { useGateway } from "../../api/gateway";
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
}

/** Points clients at the gateway as agents of `user`: by itself in the window; by instructions where it cannot, as in a browser, which has no files. */
export function ConnectAgents({ user, sharingHref }: ConnectAgentsProps) {
  const { host } = useGateway();
  const isAdmin = useIsAdmin();
  const shell = host.shell?.clients;
  return (
    <>
      {shell && <MachineClients shell={shell} user={user} />}
      <Instructions user={user} sharingHref={sharingHref} />
      {shell && sharingHref !== undefined && <Bundle shell={shell} sharingHref={sharingHref} />}
      {shell && isAdmin && sharingHref !== undefined && <ManagedSettings shell={shell} sharingHref={sharingHref} />}
    </>
  );
}

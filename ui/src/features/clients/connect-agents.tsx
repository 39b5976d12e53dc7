import { useGateway } from "../../api/gateway";
import { Instructions } from "./instructions";
import { MachineClients } from "./machine-clients";
import "./clients.css";

/** Points clients at the gateway as agents of `user`: by itself in the window; by instructions where it cannot, as in a browser, which has no files. */
export function ConnectAgents({ user }: { user: string }) {
  const { host } = useGateway();
  const shell = host.shell?.clients;
  return (
    <>
      {shell && <MachineClients shell={shell} user={user} />}
      <Instructions user={user} />
    </>
  );
}

import { useGateway } from "../../api/gateway";
import { Instructions } from "./instructions";
import { MachineClients } from "./machine-clients";

interface ConnectAgentsProps {
  /** Whose agents they become. */
  user: string;
  onWired?: ((agentName: string) => void) | undefined;
}

/** Points clients at the gateway: by itself in the window, by instructions in a browser, which has no files. */
export function ConnectAgents({ user, onWired }: ConnectAgentsProps) {
  const { host } = useGateway();
  const shell = host.shell?.clients;
  return shell ? <MachineClients shell={shell} user={user} onWired={onWired} /> : <Instructions user={user} onMade={onWired} />;
}

import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";

/** Where the token of a program is that is connected as an agent of this person; none is known in a browser. */
export function useTokenFile(user: string | undefined): string | undefined {
  const shell = useGateway().host.shell?.clients;
  const found = useQuery({ queryKey: [keys.clients], queryFn: () => shell?.list() ?? [], enabled: shell !== undefined }).data;
  return found?.find((client) => client.agent?.user === user && client.token_file !== null)?.token_file ?? undefined;
}

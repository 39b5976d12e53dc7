import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";

import { useGateway } from "../api/gateway";
import { keys } from "../api/queries";
import { useAction } from "../api/use-action";
import type { Shell } from "../host";
import { Failure } from "../components/states";
import { strings } from "../strings";

/** Only the window can start the gateway; a browser is served by it. */
export function StartGateway() {
  const { host } = useGateway();
  return host.shell ? <StartButton shell={host.shell} /> : null;
}

function StartButton({ shell }: { shell: Shell }) {
  const queries = useQueryClient();
  const start = useAction(async () => {
    await shell.start();
    await queries.invalidateQueries({ queryKey: [keys.health] });
  });
  return (
    <>
      {start.error && <Failure message={start.error.message} next={start.error.next} />}
      <Button size="xs" mt="xs" w="fit-content" loading={start.pending} onClick={() => void start.run()} data-testid="start-gateway">
        {strings.offline.start}
      </Button>
    </>
  );
}

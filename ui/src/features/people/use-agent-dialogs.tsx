import { Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Agent } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Confirm } from "../../components/dialogs";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { EditAgent } from "./edit-agent";

const t = strings.people;

/** What is done to one agent, wherever it is listed. */
export function useAgentDialogs(): { edit: (agent: Agent) => void; revoke: (agent: Agent) => void; dialogs: ReactNode } {
  const { client } = useGateway();
  const queries = useQueryClient();
  const [editing, setEditing] = useState<Agent>();
  const [revoking, setRevoking] = useState<Agent>();
  const readAgain = () => Promise.all([keys.users, keys.agents].map((key) => queries.invalidateQueries({ queryKey: [key] })));
  const revoke = useAction(async ({ user: name, name: agent, version }: Agent) => {
    await unwrap(client.DELETE("/api/v1/users/{name}/agents/{agent}", { params: { path: { name, agent }, query: { version } } }));
    setRevoking(undefined);
    await readAgain();
  });
  const dialogs = (
    <>
      {editing && <EditAgent agent={editing} onClose={() => setEditing(undefined)} />}
      <Confirm
        opened={revoking !== undefined}
        title={revoking ? t.revokeTitle(`${revoking.user} / ${revoking.name}`) : ""}
        confirm={t.revoke}
        cancel={strings.cancel}
        pending={revoke.pending}
        onConfirm={() => revoking && void revoke.run(revoking)}
        onCancel={() => setRevoking(undefined)}
      >
        <Text size="sm">{t.revokeText}</Text>
        {revoke.error && <Failure message={revoke.error.message} next={revoke.error.next} action={{ label: strings.readAgain, run: () => void readAgain().then(() => setRevoking(undefined)) }} />}
      </Confirm>
    </>
  );
  return {
    edit: setEditing,
    revoke: (agent) => {
      revoke.clear();
      setRevoking(agent);
    },
    dialogs,
  };
}

import { Button, Group, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { keys } from "../../api/queries";
import type { Grant } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Conflict } from "../../components/dialogs";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { GrantLine } from "./change-list";
import { SimulationPanel } from "./simulation-panel";

const t = strings.grants;

/** Asks before a grant goes, and says what would have been different without it. */
export function RemoveGrant({ grant, onClose }: { grant: Grant; onClose: () => void }) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const remove = useAction(async (version: number) => {
    try {
      await unwrap(client.DELETE("/api/v1/grants/{id}", { params: { path: { id: grant.id }, query: { version } } }));
    } finally {
      await Promise.all([keys.grants, keys.tools, keys.suggestions].map((key) => queries.invalidateQueries({ queryKey: [key] })));
    }
    onClose();
  });
  const now = remove.error?.code === "stale" ? (remove.error.current as Grant | undefined) : undefined;
  if (now) {
    return (
      <Conflict
        title={t.conflictTitle}
        explanation={t.conflictText}
        mineLabel={t.mine}
        mine={t.removal(grant.tool, grant.effect, grant.version)}
        theirsLabel={t.theirs}
        theirs={[t.nowIs(now.tool, now.effect, now.version), now.when ?? "", now.rate ?? ""].filter((part) => part !== "").join("\n")}
        keep={t.keepTheirs}
        overwrite={t.removeAnyway}
        pending={remove.pending}
        onKeep={onClose}
        onOverwrite={() => void remove.run(now.version)}
      />
    );
  }
  return (
    <Dialog onClose={onClose} title={t.remove.title} size="xl" withCloseButton={false}>
      <Stack>
        <div className="change-grant">
          <GrantLine grant={grant} />
        </div>
        <Text size="sm">{grant.effect === "deny" ? t.remove.denyText : t.remove.text}</Text>
        <SimulationPanel change={() => ({ remove: [{ id: grant.id, version: grant.version }] })} stamp={`${grant.id} ${grant.version}`} />
        {remove.error && <Failure message={remove.error.message} next={remove.error.next} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            {strings.cancel}
          </Button>
          <Button color="red.9" loading={remove.pending} onClick={() => void remove.run(grant.version)} data-testid="grant-remove-confirm">
            {t.remove.confirm}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

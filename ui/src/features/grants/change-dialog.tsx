import { Button, Group, Stack } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { unwrap } from "../../api/client";
import { useGateway } from "../../api/gateway";
import { grantsQuery, keys } from "../../api/queries";
import type { Change } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Dialog } from "../../components/dialog";
import { Failure } from "../../components/states";
import { strings } from "../../strings";
import { ChangeList } from "./change-list";
import { SimulationPanel } from "./simulation-panel";

const t = strings.grants.change;

interface ChangeDialogProps {
  title: string;
  /** Above the change: where it comes from, or which one it is. */
  children: ReactNode;
  change: Change | undefined;
  apply: string;
  onClose: () => void;
}

/** A change that somebody proposes: what it does, what it would have done, and the button that makes it. */
export function ChangeDialog({ title, children, change, apply, onClose }: ChangeDialogProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const grants = useQuery(grantsQuery(client)).data ?? [];
  const save = useAction(async (body: Change) => {
    try {
      await unwrap(client.POST("/api/v1/changes", { body }));
    } finally {
      await Promise.all([keys.grants, keys.tools, keys.suggestions, keys.approvals].map((key) => queries.invalidateQueries({ queryKey: [key] })));
    }
    onClose();
  });
  return (
    <Dialog onClose={onClose} title={title} size="xl" closeButtonProps={{ "aria-label": strings.close }}>
      <Stack>
        {children}
        {change && (
          <>
            <ChangeList change={change} grants={grants} />
            <SimulationPanel change={() => change} stamp={JSON.stringify(change)} />
          </>
        )}
        {save.error && <Failure message={save.error.message} next={save.error.code === "stale" ? t.stale : save.error.next} />}
        <Group justify="flex-end" className="dialog-actions">
          <Button variant="default" onClick={onClose} data-autofocus>
            {strings.cancel}
          </Button>
          <Button disabled={change === undefined} loading={save.pending} onClick={() => change && void save.run(change)} data-testid="change-apply">
            {apply}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

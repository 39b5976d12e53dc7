import { Button } from "@mantine/core";

import { useIsAdmin } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { strings } from "../../strings";
import { useGrantDialogs } from "./use-grant-dialogs";
import "./grants.css";

const t = strings.grants.grantThis;

/** A refusal for which a grant is what is missing, and for whom: an agent's own grant widens its scope and nothing else. */
const MISSING: Record<string, "user" | "agent"> = { not_granted: "user", out_of_scope: "agent" };

interface GrantThisProps {
  /** `USER` or `USER/AGENT`. */
  caller: string;
  tool: string;
  reason: string | undefined;
}

/** From a call that was refused to the narrowest grant that would have let it through, to be looked at and saved. */
export function GrantThis({ caller, tool, reason }: GrantThisProps) {
  const may = useIsAdmin();
  const stopped = useServiceState() === "stopped";
  const { open, dialogs } = useGrantDialogs();
  const whom = reason === undefined || !Object.hasOwn(MISSING, reason) ? undefined : MISSING[reason];
  if (!may || whom === undefined) return null;
  const subject = whom === "user" ? (caller.split("/")[0] ?? caller) : caller;
  return (
    <>
      <Button size="xs" w="fit-content" disabled={stopped} leftSection={<Icon name="key" size={14} />} onClick={() => open({ subject, tool, effect: "allow" })} data-testid="grant-this">
        {t.button}
      </Button>
      {dialogs}
    </>
  );
}

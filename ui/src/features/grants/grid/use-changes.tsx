import { type ReactNode, useState } from "react";

import type { PermissionIndex } from "../resolve";
import { strings } from "../../../strings";
import { Failure } from "../../../components/states";
import { ApplyBar } from "./apply-bar";
import { ClashDialog } from "./clash-dialog";
import { ReviewDialog } from "./review-dialog";
import { changeOf, clashesOf, isSettled, MOST, rebased, type Staged } from "./staged";
import { useApply } from "./use-apply";
import { changesNothing, useSimulation } from "./use-simulation";
import type { Edits } from "./use-staged";

/** From an edit to what is in force: what it would have changed, a look at it, and conflicts with others. */
export function useChanges(edits: Edits, index: PermissionIndex, now: number, disabled: boolean): { apply: () => void; changes: ReactNode } {
  const { edits: staged } = edits;
  const [opened, setOpened] = useState<"review" | "clash">();
  const clashes = clashesOf(staged, index).filter((clash) => !isSettled(clash));
  const isTooMuch = staged.size > MOST;
  const simulated = useSimulation(staged.size === 0 || clashes.length > 0 || isTooMuch ? undefined : changeOf(staged, now));
  const apply = useApply(edits);
  const off = disabled || isTooMuch || apply.pending;

  const send = async (wanted: Staged) => {
    const applied = await apply.run(wanted, now);
    if (applied !== undefined) setOpened(applied.clashes.length > 0 ? "clash" : undefined);
  };
  const ask = () => {
    if (off || staged.size === 0) return;
    if (clashes.length > 0) setOpened("clash");
    // Who would change what happened looks at it first.
    else if (changesNothing(simulated)) void send(staged);
    else setOpened("review");
  };
  const changes = (
    <>
      {isTooMuch && <Failure message={strings.grid.bar.tooMany(staged.size, MOST)} next="" />}
      <ApplyBar
        count={staged.size}
        clashes={clashes.length}
        simulated={simulated}
        pending={apply.pending}
        disabled={off}
        error={opened === undefined ? apply.error : undefined}
        onUndo={edits.undo}
        onDiscard={edits.discard}
        onReview={() => setOpened("review")}
        onApply={ask}
        onClashes={() => setOpened("clash")}
        onDismiss={apply.clear}
      />
      {opened === "review" && staged.size > 0 && clashes.length === 0 && (
        <ReviewDialog
          edits={staged}
          simulated={simulated}
          pending={apply.pending}
          disabled={off}
          error={apply.error}
          onApply={() => void send(staged)}
          onClose={() => setOpened(undefined)}
        />
      )}
      {opened === "clash" && clashes.length > 0 && (
        <ClashDialog
          clashes={clashes}
          onClose={() => setOpened(undefined)}
          onDecide={(mine) => {
            const next = rebased(staged, clashes, mine);
            edits.settle(() => next);
            setOpened(undefined);
            if (next.size > 0) void send(next);
          }}
        />
      )}
    </>
  );
  return { apply: ask, changes };
}

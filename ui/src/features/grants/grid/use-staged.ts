import { useCallback, useState } from "react";

import type { PermissionIndex } from "../resolve";
import { type Choice, type Staged, staged } from "./staged";

const NOTHING: Staged = new Map();
/** Most steps that can be taken back. */
const MOST_STEPS = 100;

export interface Edits {
  edits: Staged;
  stage: (choices: readonly { subject: string; tool: string; choice: Choice }[], index: PermissionIndex, now: number) => void;
  undo: () => void;
  discard: () => void;
  /** After the gateway has had a say: not to be taken back. */
  settle: (next: (edits: Staged) => Staged) => void;
}

/** What a person has set and not applied. It outlives views of the page, so that looking elsewhere loses nothing. */
export function useStaged(): Edits {
  const [steps, setSteps] = useState<readonly Staged[]>([NOTHING]);
  const stage: Edits["stage"] = useCallback((choices, index, now) => {
    setSteps((before) => {
      const last = before.at(-1) ?? NOTHING;
      return [...before.slice(-MOST_STEPS), staged(last, choices, index, now)];
    });
  }, []);
  const undo = useCallback(() => setSteps((before) => (before.length > 1 ? before.slice(0, -1) : before)), []);
  const discard = useCallback(() => setSteps((before) => [...before.slice(-MOST_STEPS), NOTHING]), []);
  const settle: Edits["settle"] = useCallback((next) => setSteps((before) => [next(before.at(-1) ?? NOTHING)]), []);
  return { edits: steps.at(-1) ?? NOTHING, stage, undo, discard, settle };
}

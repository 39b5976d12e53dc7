import type { Approval, ApprovalState } from "../../api/types";

/** How the states are told apart here: by what became of the call. */
const STATES = {
  allowed: ["approved", "used", "allowed"],
  denied: ["denied"],
  unanswered: ["expired", "cancelled"],
} satisfies Record<string, readonly ApprovalState[]>;
export type HistoryState = keyof typeof STATES;
export const HISTORY_STATES = Object.keys(STATES) as HistoryState[];

export interface HistoryFilter {
  state?: HistoryState | undefined;
  /** In the user, the agent, the tool, who answered or the note. */
  find?: string | undefined;
}

export function matches(approval: Approval, { state, find }: HistoryFilter): boolean {
  if (state !== undefined && !(STATES[state] as readonly string[]).includes(approval.state)) return false;
  const words = (find ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const text = [approval.user, approval.agent, approval.tool, approval.answered_by, approval.note].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

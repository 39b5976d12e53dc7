import type { ApprovalState } from "../../api/types";
import type { IconName } from "../../components/icons";
import { Mark, type Tone } from "../../components/mark";
import { strings } from "../../strings";

const STATES: Record<ApprovalState, { tone: Tone; icon: IconName }> = {
  pending: { tone: "wait", icon: "clock" },
  approved: { tone: "allow", icon: "check" },
  used: { tone: "allow", icon: "check" },
  denied: { tone: "deny", icon: "cross" },
  expired: { tone: "neutral", icon: "clock" },
  allowed: { tone: "allow", icon: "check" },
  cancelled: { tone: "neutral", icon: "dash" },
};

export function StateMark({ state }: { state: ApprovalState }) {
  // A newer gateway may know more states.
  const mark = (STATES as Partial<typeof STATES>)[state] ?? { tone: "neutral", icon: "dash" };
  return <Mark {...mark} label={(strings.approvals.states as Partial<Record<string, string>>)[state] ?? state} />;
}

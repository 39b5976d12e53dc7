import type { IconName } from "../../components/icons";
import { Mark, type Tone } from "../../components/mark";
import { strings } from "../../strings";

const t = strings.feed;

const DECISIONS: Record<string, { tone: Tone; icon: IconName; label: string }> = {
  allow: { tone: "allow", icon: "check", label: t.allow },
  ask: { tone: "wait", icon: "hand", label: t.ask },
  deny: { tone: "deny", icon: "cross", label: t.deny },
};

const STATUSES: Record<string, { tone: Tone; icon: IconName; label: string }> = {
  ok: { tone: "neutral", icon: "check", label: t.status.ok },
  denied: { tone: "deny", icon: "cross", label: t.status.denied },
  tool_error: { tone: "wait", icon: "alert", label: t.status.toolError },
  failed: { tone: "deny", icon: "alert", label: t.status.failed },
  cancelled: { tone: "neutral", icon: "dash", label: t.status.cancelled },
  approved: { tone: "allow", icon: "check", label: t.status.approved },
  approved_for_session: { tone: "allow", icon: "check", label: t.status.approvedForSession },
  asked: { tone: "wait", icon: "hand", label: t.status.asked },
  expired: { tone: "neutral", icon: "clock", label: t.status.expired },
  indeterminate: { tone: "wait", icon: "alert", label: t.status.indeterminate },
};

export function DecisionMark({ decision }: { decision: string | undefined }) {
  if (decision === undefined) return <Mark tone="neutral" icon="dash" label={t.undecided} />;
  return <Mark {...(DECISIONS[decision] ?? { tone: "neutral", icon: "dash", label: decision })} />;
}

export function StatusMark({ status }: { status: string | undefined }) {
  if (status === undefined) return <Mark tone="wait" icon="clock" label={t.status.running} />;
  return <Mark {...(STATUSES[status] ?? { tone: "neutral", icon: "dash", label: statusWords(status) })} />;
}

/** What happened, of records that are no calls: `user_added` reads “User added”. */
export function statusWords(status: string): string {
  const words = status.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

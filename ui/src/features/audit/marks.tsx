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

/** `reason` tells a call that was refused from one whose agent was told to come back. */
export function StatusMark({ status, reason }: { status: string | undefined; reason?: string | undefined }) {
  if (status === undefined) return <Mark tone="wait" icon="clock" label={t.status.running} />;
  if (reason === "approval_pending") return <Mark tone="wait" icon="hand" label={t.status.toldToWait} />;
  return <Mark {...(STATUSES[status] ?? { tone: "neutral", icon: "dash", label: statusWords(status) })} />;
}

const WAITS = {
  waiting: { tone: "wait", icon: "hand", label: t.wait.waiting },
  allowed: { tone: "allow", icon: "check", label: t.wait.allowed },
  denied: { tone: "deny", icon: "cross", label: t.wait.denied },
  expired: { tone: "neutral", icon: "clock", label: t.wait.expired },
  cancelled: { tone: "neutral", icon: "dash", label: t.wait.cancelled },
} as const satisfies Record<string, { tone: Tone; icon: IconName; label: string }>;

/** A call that waits for a person, or waited in vain: its agent has to come back for the answer. */
export function WaitMark({ wait }: { wait: keyof typeof WAITS }) {
  return <Mark {...WAITS[wait]} />;
}

/** What happened, of records that are no calls: `user_added` reads “User added”. */
export function statusWords(status: string): string {
  const words = status.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

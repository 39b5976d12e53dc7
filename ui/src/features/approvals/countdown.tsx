import type { Approval } from "../../api/types";
import { Icon } from "../../components/icons";
import { countdown } from "../../components/time";
import { useNow } from "../../components/use-now";
import { strings } from "../../strings";

const t = strings.approvals;
const HURRY_MS = 15_000;
const SECOND_MS = 1_000;

/** How long the agent waits, and then how long an answer still counts. Ticks for the eye only. */
export function Countdown({ approval }: { approval: Approval }) {
  const now = useNow(SECOND_MS);
  const held = approval.waiting && approval.held_until != null ? Date.parse(approval.held_until) - now : 0;
  const left = Date.parse(approval.expires_at) - now;
  if (!(left > 0)) {
    return (
      <span className="countdown" data-tone="deny">
        <Icon name="clock" size={14} /> {t.over}
      </span>
    );
  }
  const shown = held > 0 ? held : left;
  return (
    <span className="countdown" data-tone={shown < HURRY_MS ? "deny" : "wait"} role="timer" data-testid="approval-countdown">
      <Icon name="clock" size={14} /> {held > 0 ? t.onTheLine(countdown(held)) : t.answerable(countdown(left))}
    </span>
  );
}

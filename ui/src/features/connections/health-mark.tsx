import type { Connection } from "../../api/types";
import type { IconName } from "../../components/icons";
import { Mark, type Tone } from "../../components/mark";
import { strings } from "../../strings";

const t = strings.connections.health;

const HEALTH: Record<Connection["health"], { tone: Tone; icon: IconName; label: string }> = {
  ready: { tone: "allow", icon: "check", label: t.ready },
  connecting: { tone: "wait", icon: "clock", label: t.connecting },
  failed: { tone: "deny", icon: "alert", label: t.failed },
  sealed: { tone: "wait", icon: "lock", label: t.sealed },
  needs_sign_in: { tone: "wait", icon: "plug", label: t.needs_sign_in },
};

export function HealthMark({ health }: { health: Connection["health"] }) {
  return <Mark {...HEALTH[health]} />;
}

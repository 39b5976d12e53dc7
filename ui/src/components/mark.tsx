import { Icon, type IconName } from "./icons";

export type Tone = "allow" | "deny" | "wait" | "neutral";

/** A state as icon, text and colour together, so that no meaning hangs on colour alone. */
export function Mark({ tone, icon, label, filled = false }: { tone: Tone; icon: IconName; label: string; filled?: boolean }) {
  return (
    <span className={filled ? "mark mark-filled" : "mark"} data-tone={tone}>
      <Icon name={icon} size={14} />
      {label}
    </span>
  );
}

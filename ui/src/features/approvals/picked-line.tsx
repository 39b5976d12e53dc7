import { Icon } from "../../components/icons";
import { strings } from "../../strings";
import type { Picked } from "./answer-keys";

const t = strings.approvals.keys;

/** What Enter would answer now: said, and seen, before it does. */
export function PickedLine({ picked }: { picked: Picked | undefined }) {
  return (
    <div role="status" className="picked" data-tone={picked === "once" ? "allow" : "deny"} data-shown={picked !== undefined} data-testid="picked">
      {picked !== undefined && (
        <>
          <Icon name={picked === "once" ? "check" : "cross"} size={14} />
          <strong>{picked === "once" ? t.allow : t.deny}</strong> <kbd>Enter</kbd> {t.confirms} <kbd>Esc</kbd> {t.back}
        </>
      )}
    </div>
  );
}

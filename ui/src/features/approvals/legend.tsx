import { strings } from "../../strings";

const t = strings.approvals.keys;

/** Which keys do what here; not shown where there is no keyboard. */
export function Legend() {
  return (
    <p className="legend dim" data-testid="approvals-legend">
      <kbd>J</kbd> <kbd>K</kbd> {t.move} <kbd>A</kbd> {t.pickAllow} <kbd>D</kbd> {t.pickDeny} {t.then} <kbd>Enter</kbd> {t.confirms}
    </p>
  );
}

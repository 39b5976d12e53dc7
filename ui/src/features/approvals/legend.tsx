import { strings } from "../../strings";

const t = strings.approvals.keys;

/** Which keys do what here; not shown where there is no keyboard. */
export function Legend() {
  return (
    <p className="legend dim" data-testid="approvals-legend">
      <span>
        <kbd>J</kbd> <kbd>K</kbd> {t.move}
      </span>
      <span>
        <kbd>A</kbd> {t.pickAllow}
      </span>
      <span>
        <kbd>D</kbd> {t.pickDeny}
      </span>
      <span>
        {t.thenKey} <kbd>Enter</kbd> {t.confirms}
      </span>
    </p>
  );
}

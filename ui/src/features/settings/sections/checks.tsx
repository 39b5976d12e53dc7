import type { Check } from "../../../api/types";
import type { IconName } from "../../../components/icons";
import { Mark, type Tone } from "../../../components/mark";
import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";

const t = strings.settings.diagnostics;

const MARKS: Record<Check["finding"], { tone: Tone; icon: IconName }> = {
  ok: { tone: "allow", icon: "check" },
  advice: { tone: "wait", icon: "question" },
  problem: { tone: "deny", icon: "alert" },
  unknown: { tone: "neutral", icon: "dash" },
};

/** What was looked at, what was found, and what to do. */
export function Checks({ checks }: { checks: readonly Check[] }) {
  return (
    <ul className="checks">
      {checks.map((check) => (
        <li key={`${check.id} ${check.said}`} data-testid={`check-${check.id}`} data-finding={check.finding}>
          <span>
            <Mark {...MARKS[check.finding]} label={t.findings[check.finding]} />
          </span>
          <span className="check-name">{t.names[check.id] ?? check.id}</span>
          <span className="check-said">
            <UntrustedText text={check.said} />
            {check.next != null && (
              <span className="check-next">
                <UntrustedText text={check.next} />
              </span>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

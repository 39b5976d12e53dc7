import type { ReactNode } from "react";

import type { Explanation, GrantOutcome } from "../../../api/types";
import type { IconName } from "../../../components/icons";
import { Mark, type Tone } from "../../../components/mark";
import { capitalized } from "../../../components/states";
import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";
import { GrantLine } from "../change-list";
import { VerdictMark } from "../grant-marks";

const t = strings.grants.why;

const OUTCOMES: Record<GrantOutcome, { tone: Tone; icon: IconName }> = {
  matched: { tone: "allow", icon: "check" },
  condition_false: { tone: "neutral", icon: "dash" },
  condition_failed: { tone: "deny", icon: "alert" },
  expired: { tone: "neutral", icon: "clock" },
  rate_used_up: { tone: "wait", icon: "clock" },
};

/** The decision, its reason, and each grant's part in it. */
export function ExplanationView({ explanation, children }: { explanation: Explanation; children: ReactNode }) {
  const decided = new Set(explanation.grants);
  return (
    <section className="explanation" data-testid="explanation" data-decision={explanation.decision} data-reason={explanation.reason}>
      <div className="explanation-head">
        <VerdictMark verdict={explanation.decision} />
        <span>{strings.reasonWords(explanation.reason)}</span>
        <span className="dim small">{t.map(explanation.policy_version)}</span>
      </div>
      <p className="note">
        <UntrustedText text={capitalized(explanation.sentence)} />
      </p>
      {explanation.needs != null && (
        <p className="note">
          <strong>{t.needs}:</strong> <UntrustedText text={explanation.needs} />
        </p>
      )}
      {children}
      <h3>{t.steps}</h3>
      {explanation.steps.length === 0 ? (
        <p className="dim note">{t.noSteps}</p>
      ) : (
        <ol className="steps">
          {explanation.steps.map((step) => (
            <li key={step.grant.id} data-decided={decided.has(step.grant.id)}>
              <div className="step-grant">
                <GrantLine grant={step.grant} />
                {step.detail != null && (
                  <div className="dim">
                    <UntrustedText text={step.detail} />
                  </div>
                )}
              </div>
              <div className="step-outcome">
                <Mark {...(OUTCOMES[step.outcome] ?? { tone: "neutral", icon: "dash" })} label={t.outcomes[step.outcome] ?? step.outcome} />
                {decided.has(step.grant.id) && <strong>{t.decided}</strong>}
              </div>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

import { duration } from "../../../components/time";
import { UntrustedText } from "../../../components/untrusted-text";
import { When } from "../../../components/when";
import { strings } from "../../../strings";
import { StatusMark } from "../marks";
import type { Step, Told } from "./tell";

const t = strings.audit.story;

/** What happened to a call, in order. */
export function Timeline({ told }: { told: Told }) {
  const forwarded = told.steps.some(({ what }) => what === "intent");
  return (
    <section className="card" aria-labelledby="story-steps">
      <h3 id="story-steps">{t.timeline}</h3>
      <ol className="story-steps">
        {told.steps.map((step) => (
          <li key={step.record.seq} data-testid="story-step" data-what={step.what}>
            <span className="dim">
              <When at={step.record.time} as="exact" />
            </span>
            <div>
              <StepWords step={step} forwarded={forwarded} />
            </div>
          </li>
        ))}
        {told.outcome === undefined && forwarded && (
          <li data-what="running">
            <span />
            <div>
              <StatusMark status={undefined} /> <span className="dim">{t.steps.running}</span>
            </div>
          </li>
        )}
      </ol>
    </section>
  );
}

function StepWords({ step: { record, what }, forwarded }: { step: Step; forwarded: boolean }) {
  const isOutcome = what === "outcome";
  return (
    <>
      {isOutcome ? (
        <>
          <StatusMark status={record.status ?? undefined} reason={record.reason ?? undefined} /> {record.duration_ms != null && <span>{t.after(duration(record.duration_ms))}</span>}
          {!forwarded && <div className="dim">{t.steps.notForwarded}</div>}
        </>
      ) : (
        <span>
          {t.steps[what] ?? what}
          {record.by != null && (
            <>
              {" "}
              <UntrustedText text={t.by(record.by)} />
            </>
          )}
          {record.approval != null && <span className="dim"> ({record.approval})</span>}
        </span>
      )}
      {record.detail != null && record.detail !== "" && (
        <div className="story-detail">
          <UntrustedText text={what === "approved" || what === "denied" || what === "approved_for_session" ? t.note(record.detail) : record.detail} />
        </div>
      )}
    </>
  );
}

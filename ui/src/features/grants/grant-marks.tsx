import type { Effect, Grant, Verdict } from "../../api/types";
import type { IconName } from "../../components/icons";
import { Mark, type Tone } from "../../components/mark";
import { dayAndTime, isPast } from "../../components/time";
import { strings } from "../../strings";
import type { InForce } from "./resolve";

const t = strings.grants;

const VERDICTS: Record<Verdict, { tone: Tone; icon: IconName }> = {
  allow: { tone: "allow", icon: "check" },
  ask: { tone: "wait", icon: "hand" },
  deny: { tone: "deny", icon: "cross" },
  unknown: { tone: "neutral", icon: "question" },
};

export function EffectMark({ effect }: { effect: Effect }) {
  return <Mark {...VERDICTS[effect]} label={t[effect]} />;
}

export function VerdictMark({ verdict }: { verdict: Verdict }) {
  return <Mark {...VERDICTS[verdict]} label={t.simulation.verdicts[verdict]} />;
}

const IN_FORCE: Record<InForce, string> = { allow: t.allowed, ask: t.asked, deny: t.denied, depends: t.depends, nothing: t.nothing };

export function InForceMark({ verdict }: { verdict: InForce }) {
  if (verdict === "nothing") return <Mark tone="neutral" icon="dash" label={t.nothing} />;
  return <Mark {...VERDICTS[verdict === "depends" ? "unknown" : verdict]} label={IN_FORCE[verdict]} />;
}

/** Until when and how often a grant counts. */
export function Limits({ grant, now }: { grant: Pick<Grant, "expires_at" | "rate">; now: number }) {
  const { expires_at: end, rate } = grant;
  return (
    <>
      {end != null && (isPast(end, now) ? <Mark tone="neutral" icon="clock" label={t.list.expired} /> : <span>{t.list.until(dayAndTime(end))}</span>)}
      {end == null && rate == null && <span className="dim">{t.list.never}</span>}
      {rate != null && <div>{t.list.rate(rate)}</div>}
    </>
  );
}

import { Button } from "@mantine/core";

import type { ApiError } from "../../../api/error";
import { Icon } from "../../../components/icons";
import { Failure } from "../../../components/states";
import { strings } from "../../../strings";
import { changesNothing, type Simulated } from "./use-simulation";

const t = strings.grid.apply;

interface ApplyBarProps {
  count: number;
  clashes: number;
  simulated: Simulated;
  pending: boolean;
  disabled: boolean;
  error: ApiError | undefined;
  onUndo: () => void;
  onDiscard: () => void;
  onReview: () => void;
  onApply: () => void;
  onClashes: () => void;
  onDismiss: () => void;
}

/** What is set and not in force yet, and what it would have changed. */
export function ApplyBar(props: ApplyBarProps) {
  const { count, clashes, simulated, pending, disabled, error } = props;
  if (count === 0 && error === undefined) return null;
  return (
    <section className="pg-apply" aria-label={t.label} data-testid="grid-changes" data-count={count} data-past={pastOf(simulated)}>
      {error && <Failure message={error.message} next={error.next} action={{ label: strings.dismiss, run: props.onDismiss }} />}
      <div className="pg-apply-line">
        <div className="pg-apply-words" role="status">
          <strong>{t.count(count)}</strong> <span className="dim">{t.applying}</span>
          {clashes > 0 ? (
            <span className="pg-flips" data-tone="deny">
              <Icon name="alert" size={14} /> {t.clashes(clashes)}
            </span>
          ) : (
            <SimulationWords {...simulated} />
          )}
        </div>
        <div className="pg-apply-buttons">
          <Button size="xs" variant="subtle" color="gray" disabled={pending} onClick={props.onUndo}>
            {t.undo}
          </Button>
          <Button size="xs" variant="subtle" color="gray" disabled={pending} onClick={props.onDiscard} data-testid="grid-discard">
            {t.discard}
          </Button>
          {clashes > 0 ? (
            <Button size="xs" onClick={props.onClashes} data-testid="grid-clashes">
              {t.look}
            </Button>
          ) : (
            <>
              <Button size="xs" variant="default" disabled={pending} onClick={props.onReview} data-testid="grid-review">
                {t.review}
              </Button>
              <Button size="xs" loading={pending} disabled={disabled} onClick={props.onApply} data-testid="grid-apply">
                {t.apply}
              </Button>
            </>
          )}
        </div>
      </div>
    </section>
  );
}

/** What is known of past calls, for those who wait for it. */
function pastOf(simulated: Simulated): string {
  if (simulated.failed) return "failed";
  if (simulated.simulation === undefined) return "";
  return changesNothing(simulated) ? "same" : "other";
}

function SimulationWords({ simulation, failed }: Simulated) {
  if (failed) return <span className="dim">{t.notSimulated}</span>;
  if (simulation === undefined) return <span className="dim">{t.simulating}</span>;
  const { flipped, unknown, calls } = simulation;
  if (flipped === 0 && unknown === 0) return <span className="dim">{t.none(calls)}</span>;
  return (
    <span className="pg-flips" data-tone="wait" data-testid="grid-flips" data-flipped={flipped}>
      <Icon name="alert" size={14} /> {[...(flipped > 0 ? [t.flips(flipped, calls)] : []), ...(unknown > 0 ? [t.unknown(unknown)] : [])].join("; ")}
    </span>
  );
}

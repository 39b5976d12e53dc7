import { Button } from "@mantine/core";
import type { ReactNode } from "react";

import { useServiceState } from "../../api/use-service-state";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import { Steps } from "../../components/steps";
import { strings } from "../../strings";
import { START_STEPS, type StartStep, useStart } from "./use-start";
import "./start.css";

const t = strings.start;
/** Steps of the first run that come before somebody is signed in. */
const BEFORE = 2;

/** A new step is read out from its title on. */
const takeFocus = (title: HTMLElement | null) => title?.focus();

interface StartViewProps {
  step: StartStep;
  /** What a step consists of. */
  parts: Record<StartStep, ReactNode>;
  onStep: (step: StartStep) => void;
  onLeave: () => void;
}

/** The rest of the first run: a tool, an agent, a call. Each can be put off; what is left shows on Home. */
export function StartView({ step, parts, onStep, onLeave }: StartViewProps) {
  const done = useStart();
  const stopped = useServiceState() === "stopped";
  const at = START_STEPS.indexOf(step);
  const next = START_STEPS[at + 1];
  const before = START_STEPS[at - 1];
  const isDone = done?.[step] === true;
  return (
    <main className="start" data-testid="start" data-step={step}>
      <header className="start-head">
        <div className="brand">
          <Icon name="shield" size={20} />
          {strings.product}
        </div>
        <Button size="xs" variant="subtle" onClick={onLeave} data-testid="start-leave">
          {t.leave}
        </Button>
      </header>
      <div className="start-body">
        <Steps label={strings.steps.label} doneLabel={strings.steps.done} names={strings.steps.names} current={BEFORE + at} />
        <div className="start-title">
          <h1 key={step} ref={takeFocus} tabIndex={-1}>
            {t.titles[step]}
          </h1>
          <p className="dim">{t.texts[step]}</p>
        </div>
        {stopped && <Failure message={strings.offline.message} next={strings.offline.next} />}
        <div className="start-part">{parts[step]}</div>
        <footer className="start-foot">
          {before !== undefined ? (
            <Button variant="default" onClick={() => onStep(before)} data-testid="start-back">
              {strings.back}
            </Button>
          ) : (
            <span />
          )}
          <Button variant={isDone ? "filled" : "default"} onClick={() => (next === undefined ? onLeave() : onStep(next))} data-testid="start-next">
            {next === undefined ? t.finish : isDone ? t.next : t.skip}
          </Button>
        </footer>
      </div>
    </main>
  );
}

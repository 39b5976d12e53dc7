import { Button } from "@mantine/core";

import { useIsAdmin } from "../../api/use-role";
import { Icon } from "../../components/icons";
import { strings } from "../../strings";
import { nextStep, START_STEPS, type StartStep, useStart } from "./use-start";
import "./start.css";

const t = strings.start;

/** What is left of the first run. Gone when nothing is. */
export function StartChecklist({ onStep }: { onStep: (step: StartStep) => void }) {
  const isAdmin = useIsAdmin();
  const done = useStart();
  if (!isAdmin || done === undefined || START_STEPS.every((step) => done[step])) return null;
  const next = nextStep(done);
  return (
    <section className="panel start-checklist" aria-label={t.checklist} data-testid="start-checklist">
      <h2>{t.checklist}</h2>
      <ol>
        {START_STEPS.map((step) => (
          <li key={step} data-state={done[step] ? "done" : step === next ? "current" : "ahead"}>
            <Icon name={done[step] ? "check" : "dash"} />
            <span>
              {t.titles[step]}
              {done[step] && <span className="visually-hidden"> ({strings.steps.done})</span>}
            </span>
          </li>
        ))}
      </ol>
      <Button size="xs" onClick={() => onStep(next)} data-testid="start-resume">
        {t.resume}
      </Button>
    </section>
  );
}

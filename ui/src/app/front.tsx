import type { ReactNode } from "react";

import { Icon } from "../components/icons";
import { Steps } from "../components/steps";
import { strings } from "../strings";

/** What there is before somebody is signed in. `step` is where the first run is, if it is one. */
export function Front({ title, step, children }: { title: string; step?: number; children: ReactNode }) {
  return (
    <main className="front">
      <div className="front-card panel">
        <div className="brand">
          <Icon name="shield" size={20} />
          {strings.product}
        </div>
        {step !== undefined && <Steps label={strings.steps.label} doneLabel={strings.steps.done} names={strings.steps.names} current={step} />}
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

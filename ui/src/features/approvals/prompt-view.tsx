import { Button } from "@mantine/core";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";

import type { AnswerKind, Approval } from "../../api/types";
import { useAction } from "../../api/use-action";
import { Icon } from "../../components/icons";
import { Failure } from "../../components/states";
import { useSettled } from "../../components/use-settled";
import { strings } from "../../strings";
import { DenyButton } from "./deny-button";
import { useAnswerKeys } from "./answer-keys";
import { ApprovalFacts, ApprovalHead } from "./approval-parts";
import "./approvals.css";
import { PickedLine } from "./picked-line";
import { useIsOver } from "./use-is-over";

const t = strings.approvals;
/** It comes up unasked, maybe right under the pointer: a click before this was meant for what is behind it. */
const ARMS_MS = 1_000;

/** What the page of the prompt can ask for. */
export interface PromptDoor {
  onCard(show: (card: { approval: unknown; count: number }) => void): () => void;
  answer(id: string, answer: AnswerKind): Promise<void>;
  later(id: string): Promise<void>;
  open(id: string): Promise<void>;
  fit(height: number): Promise<void>;
}

/** The small window for one call that waits. The shell says which, and closes it. */
export function PromptView({ prompt }: { prompt: PromptDoor }) {
  const [card, setCard] = useState<{ approval: Approval; count: number }>();
  useEffect(() => prompt.onCard(({ approval, count }) => setCard({ approval: approval as Approval, count })), [prompt]);
  if (card === undefined) return null;
  return (
    <main>
      <h1 className="visually-hidden">{t.prompt.title}</h1>
      <PromptCard key={card.approval.id} approval={card.approval} count={card.count} prompt={prompt} />
    </main>
  );
}

function PromptCard({ approval, count, prompt }: { approval: Approval; count: number; prompt: PromptDoor }) {
  const armed = useSettled(approval.id, ARMS_MS);
  const over = useIsOver(approval.expires_at);
  const [asked, setAsked] = useState<AnswerKind>();
  const answer = useAction(async (kind: AnswerKind) => {
    setAsked(kind);
    await prompt.answer(approval.id, kind);
  });
  // Once taken, the shell shows the next one or closes the window.
  const off = !armed || over || answer.pending || (asked !== undefined && answer.error === undefined);
  const later = () => void prompt.later(approval.id);
  const { picked } = useAnswerKeys({
    ready: !off,
    id: approval.id,
    onAnswer: (kind) => void answer.run(kind),
    onKey: (key) => {
      if (key === "Escape") later();
      else if (key.toLowerCase() === "o") void prompt.open(approval.id);
      else return false;
      return true;
    },
  });
  const card = useRef<HTMLElement>(null);
  // On nothing that Enter or Space would press.
  useEffect(() => card.current?.focus(), []);
  const facts = useFit(prompt, card);
  const pending = answer.pending ? asked : undefined;

  return (
    <article ref={card} tabIndex={-1} className="prompt" aria-labelledby="prompt-title" data-testid="prompt" data-approval={approval.id} data-armed={armed}>
      <ApprovalHead approval={approval} titleId="prompt-title">
        {count > 1 && (
          <span className="badge" data-tone="wait" data-testid="prompt-count">
            {t.prompt.count(count)}
          </span>
        )}
      </ApprovalHead>
      <div className="prompt-scroll">
        <div className="approval-body" ref={facts}>
          <ApprovalFacts approval={approval} />
          {answer.error && <Failure message={answer.error.message} next={answer.error.next} />}
        </div>
      </div>
      <footer className="prompt-foot">
        <PickedLine picked={picked} />
        <div className="prompt-answers" role="group" aria-label={t.open(approval.user, approval.tool)}>
          <DenyButton disabled={off} loading={pending === "deny"} onDeny={() => void answer.run("deny")} testId="prompt-deny" />
          <Button variant="default" disabled={off} loading={pending === "session"} title={t.sessionMeaning} onClick={() => void answer.run("session")} data-testid="prompt-session">
            {t.prompt.session}
          </Button>
          <Button leftSection={<Icon name="check" size={14} />} disabled={off} loading={pending === "once"} title={t.onceMeaning} onClick={() => void answer.run("once")} data-testid="prompt-once">
            {t.once}
          </Button>
        </div>
        <div className="prompt-more">
          <span className="dim legend">
            <kbd>A</kbd> <kbd>D</kbd> {t.keys.thenKey} <kbd>Enter</kbd>
          </span>
          <span>
            <Button size="compact-xs" variant="subtle" title={t.prompt.openMeaning} onClick={() => void prompt.open(approval.id)} data-testid="prompt-open">
              {t.prompt.open}
            </Button>
            <Button size="compact-xs" variant="subtle" title={t.prompt.laterMeaning} onClick={later} data-testid="prompt-later">
              {t.prompt.later}
            </Button>
          </span>
        </div>
      </footer>
    </article>
  );
}

/** Tells the shell how high all of it is: what surrounds the facts, and the facts at their full height. */
function useFit(prompt: PromptDoor, card: RefObject<HTMLElement | null>) {
  const facts = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const inner = facts.current;
    const outer = inner?.parentElement;
    if (inner == null || outer == null) return;
    let told = -1;
    const tell = () => {
      const whole = card.current;
      if (whole === null) return;
      const around = [...whole.children].reduce((sum, child) => (child === outer ? sum : sum + child.getBoundingClientRect().height), 0);
      const height = Math.ceil(around + inner.getBoundingClientRect().height);
      if (height === told) return;
      told = height;
      void prompt.fit(height);
    };
    const observer = new ResizeObserver(tell);
    observer.observe(inner);
    tell();
    return () => observer.disconnect();
  }, [prompt, card]);
  return facts;
}

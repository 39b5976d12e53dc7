import { Loader } from "@mantine/core";
import { type KeyboardEvent, useRef } from "react";

import type { Effect } from "../../api/types";
import { Icon, type IconName } from "../../components/icons";
import { strings } from "../../strings";

const t = strings.grants;

export type Choice = Effect | "none";

const CHOICES: { value: Choice; icon: IconName; label: string }[] = [
  { value: "none", icon: "dash", label: t.none },
  { value: "allow", icon: "check", label: t.allow },
  { value: "ask", icon: "hand", label: t.ask },
  { value: "deny", icon: "cross", label: t.deny },
];

interface EffectChoiceProps {
  /** A tool id or pattern. */
  tool: string;
  /** What the gateway has; never what was merely asked of it. */
  value: Choice;
  pending: boolean;
  disabled: boolean;
  onChoose: (choice: Choice) => void;
}

/** Not granted, allow, ask or deny. Arrow keys move; only Enter, Space or a click changes. */
export function EffectChoice({ tool, value, pending, disabled, onChoose }: EffectChoiceProps) {
  const group = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent, from: number) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = group.current?.querySelectorAll("button");
    buttons?.[(from + step + CHOICES.length) % CHOICES.length]?.focus();
  };
  return (
    <div className="effect-choice" role="radiogroup" aria-label={t.choiceOf(tool)} aria-busy={pending} ref={group}>
      {CHOICES.map((choice, index) => (
        <button
          key={choice.value}
          type="button"
          role="radio"
          aria-checked={choice.value === value}
          tabIndex={choice.value === value ? 0 : -1}
          data-testid={`grant-${tool}-${choice.value}`}
          data-tone={choice.value}
          disabled={disabled || pending}
          onKeyDown={(event) => move(event, index)}
          onClick={() => choice.value !== value && onChoose(choice.value)}
        >
          <Icon name={choice.icon} size={13} />
          {choice.label}
        </button>
      ))}
      <span className="effect-pending">{pending && <Loader size={12} aria-label={strings.saving} />}</span>
    </div>
  );
}

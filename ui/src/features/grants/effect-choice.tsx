import { type KeyboardEvent, useRef } from "react";

import { Icon, type IconName } from "../../components/icons";
import { strings } from "../../strings";
import { type Choice, CHOICE_KEYS } from "./grid/staged";

const t = strings.grants;

const CHOICES: { value: Choice; icon: IconName; label: string }[] = [
  { value: "none", icon: "dash", label: t.none },
  { value: "allow", icon: "check", label: t.allow },
  { value: "ask", icon: "hand", label: t.ask },
  { value: "deny", icon: "cross", label: t.deny },
];

interface EffectChoiceProps {
  /** A tool id or pattern. */
  tool: string;
  /** What is set, or what is to be. */
  value: Choice;
  onChoose: (choice: Choice) => void;
}

/** Not granted, allow, ask or deny. Arrow keys move; Enter, Space, a click and the grid's own letters choose. */
export function EffectChoice({ tool, value, onChoose }: EffectChoiceProps) {
  const group = useRef<HTMLDivElement>(null);
  const press = (event: KeyboardEvent, from: number) => {
    const letter = CHOICE_KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.ctrlKey || event.metaKey || (letter === undefined && step === undefined)) return;
    event.preventDefault();
    if (letter !== undefined) onChoose(letter);
    const buttons = group.current?.querySelectorAll("button");
    if (step !== undefined) buttons?.[(from + step + CHOICES.length) % CHOICES.length]?.focus();
  };
  return (
    <div className="effect-choice" role="radiogroup" aria-label={t.choiceOf(tool)} ref={group}>
      {CHOICES.map((choice, index) => (
        <button
          key={choice.value}
          type="button"
          role="radio"
          aria-checked={choice.value === value}
          tabIndex={choice.value === value ? 0 : -1}
          data-autofocus={choice.value === value || undefined}
          data-testid={`grant-${tool}-${choice.value}`}
          data-tone={choice.value}
          onKeyDown={(event) => press(event, index)}
          onClick={() => onChoose(choice.value)}
        >
          <Icon name={choice.icon} size={13} />
          {choice.label}
        </button>
      ))}
    </div>
  );
}

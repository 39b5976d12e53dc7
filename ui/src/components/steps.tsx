import { Icon } from "./icons";

/** Where somebody is on a way of several steps. */
export function Steps({ label, doneLabel, names, current }: { label: string; doneLabel: string; names: readonly string[]; current: number }) {
  return (
    <ol className="steps-line" aria-label={label}>
      {names.map((name, index) => (
        <li key={name} data-state={index < current ? "done" : index === current ? "current" : "ahead"} aria-current={index === current ? "step" : undefined}>
          <span className="steps-mark" aria-hidden="true">
            {index < current ? <Icon name="check" size={12} /> : index + 1}
          </span>
          <span className="steps-name">
            {name}
            {index < current && <span className="visually-hidden"> ({doneLabel})</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

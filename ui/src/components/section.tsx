import { type ReactNode, useId } from "react";

/** One subject of the settings: its title, what it is about, and what can be done. */
export function Section({ title, text, children, action }: { title: string; text?: string | undefined; children?: ReactNode; action?: ReactNode }) {
  const id = useId();
  return (
    <section className="panel padded settings-part" aria-labelledby={id}>
      <div className="settings-head">
        <h2 id={id}>{title}</h2>
        {action}
      </div>
      {text !== undefined && <p className="note dim">{text}</p>}
      {children}
    </section>
  );
}

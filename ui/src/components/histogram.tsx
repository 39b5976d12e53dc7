import { type KeyboardEvent, useState } from "react";

import type { Tone } from "./mark";

export interface Bar {
  key: string;
  /** Said and shown for it: its time and its numbers. */
  label: string;
  /** From the bottom up. */
  parts: readonly { tone: Tone; amount: number }[];
}

interface HistogramProps {
  label: string;
  bars: readonly Bar[];
  /** Below the first and the last bar. */
  from: string;
  to: string;
  /** What the highest bar stands for. */
  peak: (most: number) => string;
  /** A bar, or those from one to another, were chosen; absent where that leads nowhere. */
  onChoose?: ((first: number, last: number) => void) | undefined;
}

const total = (bar: Bar) => bar.parts.reduce((sum, part) => sum + part.amount, 0);

/** Amounts over time. By pointer or keyboard a part of the time is chosen: drag, or arrows (with Shift to extend) and Enter. */
export function Histogram({ label, bars, from, to, peak, onChoose }: HistogramProps) {
  const [range, setRange] = useState<{ anchor: number; at: number }>();
  const [dragging, setDragging] = useState(false);
  const most = Math.max(1, ...bars.map(total));
  const [first, last] = range === undefined ? [-1, -1] : [Math.min(range.anchor, range.at), Math.max(range.anchor, range.at)];
  const focused = range?.at ?? bars.length - 1;

  const choose = (a: number, b: number) => {
    setDragging(false);
    setRange(undefined);
    onChoose?.(Math.min(a, b), Math.max(a, b));
  };
  const leave = () => {
    if (!dragging) return;
    setDragging(false);
    setRange(undefined);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLButtonElement>) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -bars.length, End: bars.length }[event.key];
    if (event.key === "Enter" && range !== undefined) choose(range.anchor, range.at);
    else if (event.key === "Escape") setRange(undefined);
    else if (step !== undefined) {
      event.preventDefault();
      const at = Math.max(0, Math.min(bars.length - 1, focused + step));
      setRange({ anchor: event.shiftKey ? (range?.anchor ?? focused) : at, at });
      (event.currentTarget.parentElement?.children[at] as HTMLElement | undefined)?.focus();
    }
  };

  return (
    <figure className="histogram" aria-label={label}>
      {/* The bars are the group's own: arrows go from one to the next. */}
      <div className="histogram-bars" role="group" aria-label={label} onPointerLeave={leave}>
        {bars.map((bar, index) => (
          <button
            key={bar.key}
            type="button"
            className="histogram-bar"
            tabIndex={index === focused ? 0 : -1}
            title={bar.label}
            aria-label={bar.label}
            aria-disabled={onChoose === undefined}
            data-chosen={index >= first && index <= last}
            onKeyDown={onKeyDown}
            onPointerUp={() => dragging && range && choose(range.anchor, range.at)}
            onPointerDown={(event) => {
              if (onChoose === undefined || event.button !== 0) return;
              event.currentTarget.releasePointerCapture?.(event.pointerId);
              setDragging(true);
              setRange({ anchor: index, at: index });
            }}
            onPointerEnter={() => dragging && range && setRange({ ...range, at: index })}
          >
            {bar.parts.map((part) => part.amount > 0 && <span key={part.tone} className="histogram-part" data-tone={part.tone} style={{ height: `max(2px, ${(part.amount / most) * 100}%)` }} />)}
          </button>
        ))}
      </div>
      <figcaption className="histogram-ends" aria-hidden="true">
        <span>{from}</span>
        <span>{peak(most)}</span>
        <span>{to}</span>
      </figcaption>
    </figure>
  );
}

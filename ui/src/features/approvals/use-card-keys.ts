import { useEffect, useRef } from "react";

import { useSingleKeys } from "../../components/appearance";

const STEPS: Record<string, number | undefined> = { j: 1, arrowdown: 1, k: -1, arrowup: -1 };
/** A and D answer only what is selected; before that they select. */
const SELECTING = new Set(["a", "d"]);

/** J and K, or the arrows, go from card to card; so does the focus. */
export function useCardKeys(ids: readonly string[], selected: string | undefined, onSelect: (id: string) => void) {
  const [letters] = useSingleKeys();
  const latest = useRef({ ids, selected, onSelect, letters });
  useEffect(() => {
    latest.current = { ids, selected, onSelect, letters };
  });
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const { ids: cards, selected: current, onSelect: select } = latest.current;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof Element && event.target.closest("input, textarea, select, summary, [contenteditable], [role='dialog'], [role='listbox'], [role='radiogroup']")) return;
      const key = event.key.toLowerCase();
      if (key.length === 1 && !latest.current.letters) return;
      const at = current === undefined ? -1 : cards.indexOf(current);
      const step = STEPS[key] ?? (at < 0 && SELECTING.has(key) ? 1 : undefined);
      if (step === undefined) return;
      const next = cards[Math.min(Math.max(at < 0 ? 0 : at + step, 0), cards.length - 1)];
      if (next === undefined) return;
      event.preventDefault();
      select(next);
    };
    const onFocus = ({ target }: FocusEvent) => {
      const card = target instanceof Element ? target.closest<HTMLElement>("[data-approval]")?.dataset.approval : undefined;
      if (card !== undefined && card !== latest.current.selected) latest.current.onSelect(card);
    };
    window.addEventListener("keydown", onKeyDown);
    window.addEventListener("focusin", onFocus);
    return () => {
      window.removeEventListener("keydown", onKeyDown);
      window.removeEventListener("focusin", onFocus);
    };
  }, []);
}

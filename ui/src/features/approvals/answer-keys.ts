import { useEffect, useRef, useState } from "react";

import type { AnswerKind } from "../../api/types";
import { useSingleKeys } from "../../components/appearance";

/** What a key can answer. The rest takes a click. */
export type Picked = Extract<AnswerKind, "once" | "deny">;

const PICKS: Record<string, Picked | undefined> = { a: "once", d: "deny" };
/** They go from card to card; who presses them is not typing. */
const MOVES = new Set(["j", "k"]);
/** A pick that is not confirmed by then was not meant. */
const PICKED_MS = 6_000;
/** Sooner after the pick, Enter belongs to something that was being typed. */
const CONFIRM_MS = 300;
/** So long after other keys the hands are typing, and not answering. */
const TYPING_MS = 1_000;

interface AnswerKeys {
  /** Whether there is something to answer, and it has been there long enough to be meant. */
  ready: boolean;
  /** What would be answered: with another one, a pick is void. */
  id: string | undefined;
  onAnswer: (answer: Picked) => void;
  /** Other keys that mean something here. Escape comes here only when nothing is picked. */
  onKey?: (key: string) => boolean;
}

/**
 * Answers by keyboard, in two steps: A or D picks an answer and shows it,
 * Enter gives it, Escape takes the pick back. Enter alone answers nothing, and
 * neither does what is typed on by someone who has not noticed that this
 * window took the keyboard.
 */
export function useAnswerKeys({ ready, id, onAnswer, onKey }: AnswerKeys): { picked: Picked | undefined; drop: () => void } {
  // Off for those who speak their input; buttons answer then.
  const [keys] = useSingleKeys();
  const [pick, setPick] = useState<{ id: string; answer: Picked }>();
  const times = useRef({ picked: 0, typed: 0, focused: 0 });
  const canPick = ready && keys;
  const picked = ready && pick !== undefined && pick.id === id ? pick.answer : undefined;
  const latest = useRef({ ready: canPick, id, picked, onAnswer, onKey });
  useEffect(() => {
    latest.current = { ready: canPick, id, picked, onAnswer, onKey };
  });

  useEffect(() => {
    if (pick === undefined) return;
    const timer = window.setTimeout(() => setPick(undefined), PICKED_MS);
    return () => window.clearTimeout(timer);
  }, [pick]);

  useEffect(() => {
    const onFocus = () => {
      times.current.focused = performance.now();
    };
    const onKeyDown = (event: KeyboardEvent) => {
      const { ready: isReady, id: now, picked: isPicked, onAnswer: answer, onKey: other } = latest.current;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isElsewhere(event.target)) return;
      const at = performance.now();
      const answerOf = PICKS[event.key.toLowerCase()];
      if (event.key === "Enter" && isPicked !== undefined) {
        // Also where a button has the focus: Enter now means the pick.
        event.preventDefault();
        if (event.repeat || at - times.current.picked < CONFIRM_MS) return;
        setPick(undefined);
        answer(isPicked);
        return;
      }
      if (event.key === "Escape" && isPicked !== undefined) {
        event.preventDefault();
        setPick(undefined);
        return;
      }
      if (event.repeat) return;
      if (answerOf !== undefined) {
        const typing = at - times.current.typed < TYPING_MS || at - times.current.focused < TYPING_MS;
        if (typing) times.current.typed = at;
        else if (isReady && now !== undefined) {
          times.current.picked = at;
          setPick({ id: now, answer: answerOf });
        }
        return;
      }
      if (other?.(event.key)) {
        event.preventDefault();
        setPick(undefined);
      } else if (event.key.length === 1 || event.key === "Tab") {
        if (event.key.length === 1 && !MOVES.has(event.key.toLowerCase())) times.current.typed = at;
        setPick(undefined);
      }
    };
    times.current.focused = -TYPING_MS;
    times.current.typed = -TYPING_MS;
    window.addEventListener("keydown", onKeyDown);
    window.addEventListener("focus", onFocus);
    return () => {
      window.removeEventListener("keydown", onKeyDown);
      window.removeEventListener("focus", onFocus);
    };
  }, []);

  return { picked, drop: () => setPick(undefined) };
}

/** In a field or a dialog, letters are letters. */
function isElsewhere(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false;
  return target.closest("input, textarea, select, [contenteditable], [role='dialog'], [role='listbox'], [role='menu']") !== null;
}

import type { KeyboardEvent } from "react";

import { type Choice, CHOICE_KEYS } from "./staged";
import type { GridRow } from "./rows";
import { at, type Extent, groupSelected, moved, NAMES, type Selection } from "./selection";

export interface GridCommands {
  select: (selection: Selection) => void;
  choose: (choice: Choice) => void;
  /** The next of nothing, allow, ask and deny. */
  cycle: () => void;
  toggle: (row: GridRow, open?: boolean) => void;
  openCard: () => void;
  details: () => void;
  undo: () => void;
  apply: () => void;
  find: (what: "tools" | "people") => void;
  keys: () => void;
}

/** What each key does in the grid. `editable` is whether permissions may be changed here. */
export function gridKeys(selection: Selection, extent: Extent, rows: readonly GridRow[], editable: boolean, commands: GridCommands) {
  return (event: KeyboardEvent) => {
    // What is pressed in a card or dialog reaches the grid through React, and is not its own.
    if (event.altKey || event.defaultPrevented || !event.currentTarget.contains(event.target as Node)) return;
    const ctrlKey = event.ctrlKey || event.metaKey;
    if (act({ key: event.key, shiftKey: event.shiftKey, ctrlKey }, selection, extent, rows, editable, commands)) event.preventDefault();
  };
}

interface Pressed {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
}

/** Whether the key means something here. */
function act(pressed: Pressed, selection: Selection, extent: Extent, rows: readonly GridRow[], editable: boolean, commands: GridCommands): boolean {
  const { key, shiftKey, ctrlKey } = pressed;
  const { head } = selection;
  const row = rows[head.row];
  if (ctrlKey && key === "Enter") return run(editable, commands.apply);
  if (ctrlKey && key.toLowerCase() === "z") return run(editable, commands.undo);
  if (head.col === NAMES && row?.type === "group" && !ctrlKey && !shiftKey) {
    if (key === "Enter" || key === " ") return run(true, () => commands.toggle(row));
    if (key === "ArrowLeft") return run(true, () => commands.toggle(row, false));
  }
  const next = moved(selection, pressed, extent);
  if (next !== undefined) return run(true, () => commands.select(next));
  if (ctrlKey) return false;
  if (key === "Escape") return run(true, () => commands.select(at(head)));
  if (key === "/") return run(true, () => commands.find("tools"));
  if (key === "?") return run(true, commands.keys);
  const letter = key.length === 1 ? key.toLowerCase() : key;
  if (letter === "p") return run(true, () => commands.find("people"));
  if (letter === "c") return run(true, () => commands.select(groupSelected(selection, rows) ?? selection));
  if (key === "Enter") return run(head.col !== NAMES, commands.openCard);
  const choice = CHOICE_KEYS[letter];
  if (choice !== undefined) return run(editable, () => commands.choose(choice));
  if (key === " ") return run(editable, commands.cycle);
  return letter === "e" && run(editable && head.col !== NAMES, commands.details);
}

function run(may: boolean, command: () => void): true {
  if (may) command();
  return true;
}

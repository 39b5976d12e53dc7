import { type RefObject, useState } from "react";

import { strings } from "../../../strings";
import type { PermissionIndex } from "../resolve";
import type { Subject } from "../subject";
import type { Card } from "./permission-grid";
import type { GridRow } from "./rows";
import { at, boxOf, rowsIn, type Selection, within } from "./selection";
import { type Choice, editKey, MOST } from "./staged";
import type { GridCommands } from "./use-grid-keys";
import type { Edits } from "./use-staged";

const NEXT: Record<Choice, Choice> = { none: "allow", allow: "ask", ask: "deny", deny: "none" };

interface Shown {
  rows: readonly GridRow[];
  subjects: readonly Subject[];
  index: PermissionIndex;
  now: number;
  edits: Edits;
}

interface Fields {
  tools: RefObject<HTMLInputElement | null>;
  people: RefObject<HTMLInputElement | null>;
}

interface Elsewhere {
  toggle: GridCommands["toggle"];
  details: (cell: { subject: Subject; row: GridRow }) => void;
  apply: () => void;
}

/** What a row's grants name. */
export const grantName = (row: GridRow) => ("grantAs" in row && row.grantAs !== undefined ? row.grantAs : row.id);

/** Where one is in the grid, and what can be done there. */
export function useCommands({ rows, subjects, index, now, edits }: Shown, fields: Fields, elsewhere: Elsewhere) {
  const [wanted, setWanted] = useState<Selection>(at({ row: 0, col: 0 }));
  const [card, setCard] = useState<Card>();
  const [note, setNote] = useState<string>();
  const [keys, setKeys] = useState(false);
  const selection = within(wanted, { rows: rows.length, cols: subjects.length, page: 1 });
  const box = boxOf(selection);
  const cellOf = ({ row, col }: Selection["head"]) => {
    const [shownRow, subject] = [rows[row], subjects[col]];
    return shownRow && subject ? { row: shownRow, subject } : undefined;
  };
  const here = cellOf(selection.head);
  const chosen = rowsIn(box, rows).flatMap((row) => (rows[row] ? [rows[row]] : []));
  const people = subjects.slice(Math.max(0, box.left), box.right + 1);

  const choose = (choice: Choice) => {
    const count = chosen.length * people.length;
    if (count === 0) return;
    if (count > MOST) return setNote(strings.grid.bar.tooMany(count, MOST));
    const cells = people.flatMap((subject) => chosen.map((row) => ({ subject: subject.key, tool: grantName(row), choice })));
    const cell = here && index.cell(here.subject, here.row);
    const onlyConditions = count === 1 && choice === "none" && cell !== undefined && cell.own === undefined && cell.conditional.length > 0;
    setNote(onlyConditions ? strings.grid.bar.onlyConditions : undefined);
    edits.stage(cells, index, now);
  };
  const set = here && (edits.edits.get(editKey(here.subject.key, grantName(here.row)))?.choice ?? index.own(here.subject.key, grantName(here.row))?.effect);
  const commands: GridCommands = {
    select: (next) => {
      setNote(undefined);
      setCard(undefined);
      setWanted(next);
    },
    choose,
    cycle: () => choose(NEXT[set ?? "none"]),
    toggle: elsewhere.toggle,
    openCard: () => setCard({ place: selection.head, peek: false }),
    details: () => here && elsewhere.details(here),
    undo: edits.undo,
    apply: elsewhere.apply,
    find: (what) => fields[what].current?.focus(),
    keys: () => setKeys(true),
  };
  const count = chosen.length * people.length;
  return { selection, commands, card, setCard, carded: card && cellOf(card.place), here, count, note, keys, setKeys };
}

import type { GridRow } from "./rows";

/** A place in the grid; the column -1 is that of the rows' names. */
export interface Place {
  row: number;
  col: number;
}

/** From the anchor to the head, which is where one is. */
export interface Selection {
  anchor: Place;
  head: Place;
}

export interface Extent {
  rows: number;
  cols: number;
  /** How many rows a page has. */
  page: number;
}

interface Box {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

export const NAMES = -1;

export const at = (place: Place): Selection => ({ anchor: place, head: place });

const clamp = (value: number, least: number, most: number) => Math.max(least, Math.min(most, value));

/** Within a grid that may have shrunk. */
export function within(selection: Selection, { rows, cols }: Extent): Selection {
  const fit = (place: Place): Place => ({ row: clamp(place.row, 0, Math.max(0, rows - 1)), col: clamp(place.col, NAMES, cols - 1) });
  return { anchor: fit(selection.anchor), head: fit(selection.head) };
}

export function boxOf({ anchor, head }: Selection): Box {
  return { top: Math.min(anchor.row, head.row), bottom: Math.max(anchor.row, head.row), left: Math.min(anchor.col, head.col), right: Math.max(anchor.col, head.col) };
}

/** A range is of cells; names are none. */
const cell = (place: Place): Place => ({ ...place, col: Math.max(0, place.col) });

interface Key {
  key: string;
  shiftKey: boolean;
  /** Control, or Command on a Mac. */
  ctrlKey: boolean;
}

/** Where a key leads (the grid pattern of the ARIA Authoring Practices); `undefined` for keys that move nothing. */
export function moved(selection: Selection, { key, shiftKey, ctrlKey }: Key, extent: Extent): Selection | undefined {
  const { head } = selection;
  const last = { row: extent.rows - 1, col: extent.cols - 1 };
  if (key === " " && shiftKey) return { anchor: { row: selection.anchor.row, col: 0 }, head: { row: head.row, col: last.col } };
  if (key === " " && ctrlKey) return { anchor: { row: 0, col: Math.max(0, selection.anchor.col) }, head: { row: last.row, col: Math.max(0, head.col) } };
  if (key.toLowerCase() === "a" && ctrlKey) return { anchor: { row: 0, col: 0 }, head: last };
  const to = step(head, key, ctrlKey, extent, last);
  if (to === undefined) return undefined;
  const fit = { row: clamp(to.row, 0, last.row), col: clamp(to.col, NAMES, last.col) };
  if (!shiftKey) return at(fit);
  return { anchor: cell(selection.anchor), head: cell(fit) };
}

function step(head: Place, key: string, ctrlKey: boolean, extent: Extent, last: Place): Place | undefined {
  switch (key) {
    case "ArrowUp":
      return { ...head, row: head.row - 1 };
    case "ArrowDown":
      return { ...head, row: head.row + 1 };
    case "ArrowLeft":
      return { ...head, col: head.col - 1 };
    case "ArrowRight":
      return { ...head, col: head.col + 1 };
    case "Home":
      return ctrlKey ? { row: 0, col: NAMES } : { ...head, col: NAMES };
    case "End":
      return ctrlKey ? last : { ...head, col: last.col };
    case "PageUp":
      return { ...head, row: head.row - extent.page };
    case "PageDown":
      return { ...head, row: head.row + extent.page };
    default:
      return undefined;
  }
}

/** All tools of the group that one is in, of the same people. */
export function groupSelected(selection: Selection, rows: readonly GridRow[]): Selection | undefined {
  const connection = rows[selection.head.row]?.connection;
  const first = rows.findIndex((row) => row.connection === connection && row.type === "tool");
  if (first < 0) return undefined;
  const last = rows.findLastIndex((row) => row.connection === connection && row.type === "tool");
  const cols = { left: Math.max(0, selection.anchor.col), right: Math.max(0, selection.head.col) };
  return { anchor: { row: first, col: cols.left }, head: { row: last, col: cols.right } };
}

/**
 * The rows that an edit of a range is about. A pattern grants what is not to be
 * seen here, too: so where a range has tools, the patterns between them stay as they are.
 */
export function rowsIn(box: Box, rows: readonly GridRow[]): number[] {
  const all = Array.from({ length: box.bottom - box.top + 1 }, (_, index) => box.top + index);
  const tools = all.filter((row) => rows[row]?.type === "tool");
  return tools.length > 0 ? tools : all;
}

import { useElementSize } from "@mantine/hooks";
import { defaultRangeExtractor, type Range, type VirtualItem, useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect } from "react";

import { NAMES, type Place } from "./selection";

export const ROW = 32;
const NARROW = 40;
const MOST_NARROW = 56;
const LEAST_WIDE = 88;
const MOST_WIDE = 220;
/** From here on there is room for where it comes from, too. */
const TELLING = 132;
/** Below this the names take less. */
const SMALL = 720;
const OVERSCAN = { rows: 6, cols: 3 };

interface Layout {
  ref: (element: HTMLDivElement | null) => void;
  /** Columns with words in their cells. */
  wide: boolean;
  telling: boolean;
  names: number;
  head: number;
  col: number;
  /** How many rows a page has. */
  page: number;
  rows: VirtualItem[];
  cols: VirtualItem[];
  height: number;
  width: number;
  show: (place: Place) => void;
}

/** What of the grid is drawn, and where: the rows and columns to be seen, a few more, and where one is. */
export function useLayout(scroller: RefObject<HTMLDivElement | null>, count: { rows: number; cols: number }, active: Place): Layout {
  const { ref, width: room, height: tall } = useElementSize<HTMLDivElement>();
  const names = room > 0 && room < SMALL ? 172 : 300;
  const each = count.cols === 0 ? MOST_WIDE : Math.floor((room - names - 1) / count.cols);
  const wide = each >= LEAST_WIDE;
  const col = wide ? Math.min(each, MOST_WIDE) : Math.max(NARROW, Math.min(each, MOST_NARROW));
  const telling = col >= TELLING;
  const head = wide ? 40 : 112;
  // oxlint-disable-next-line react/incompatible-library -- nothing of it is handed on to what is memoized
  const rowsDrawn = useVirtualizer({
    count: count.rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: OVERSCAN.rows,
    paddingStart: head,
    scrollPaddingStart: head,
    rangeExtractor: (range) => including(range, active.row),
    useFlushSync: false,
  });
  const colsDrawn = useVirtualizer({
    horizontal: true,
    count: count.cols,
    getScrollElement: () => scroller.current,
    estimateSize: () => col,
    overscan: OVERSCAN.cols,
    paddingStart: names,
    scrollPaddingStart: names,
    rangeExtractor: (range) => including(range, active.col),
    useFlushSync: false,
  });
  useEffect(() => {
    rowsDrawn.measure();
    colsDrawn.measure();
  }, [rowsDrawn, colsDrawn, col, names, head]);
  return {
    ref,
    wide,
    telling,
    names,
    head,
    col,
    page: Math.max(1, Math.floor((tall - head) / ROW) - 1),
    rows: rowsDrawn.getVirtualItems(),
    cols: colsDrawn.getVirtualItems(),
    height: head + count.rows * ROW,
    width: names + count.cols * col,
    show: (place) => {
      rowsDrawn.scrollToIndex(place.row, { align: "auto" });
      if (place.col !== NAMES) colsDrawn.scrollToIndex(place.col, { align: "auto" });
    },
  };
}

/** Where one is stays drawn wherever one looks: what has the focus must be there. */
function including(range: Range, index: number): number[] {
  const drawn = defaultRangeExtractor(range);
  if (index < 0 || index >= range.count || drawn.includes(index)) return drawn;
  return [...drawn, index].toSorted((a, b) => a - b);
}

import { Popover } from "@mantine/core";
import { useMergedRef } from "@mantine/hooks";
import { type PointerEvent, type ReactNode, type RefObject, useEffect, useRef } from "react";

import { Icon } from "../../../components/icons";
import { strings } from "../../../strings";
import type { PermissionIndex } from "../resolve";
import type { Subject } from "../subject";
import { cellId, GridRowView } from "./grid-row";
import type { GridRow, ToolGroup } from "./rows";
import { at, type Extent, NAMES, type Place, rowsIn, boxOf, type Selection } from "./selection";
import type { Staged } from "./staged";
import { type GridCommands, gridKeys } from "./use-grid-keys";
import { ROW, useLayout } from "./use-layout";

const t = strings.grid;
/** For so long one rests on a cell before its card comes: by keys one passes more of them on the way. */
const PEEK_AFTER_MS = { pointer: 450, keys: 700 };

/** The card at a cell: to look at only, or opened. */
export interface Card {
  place: Place;
  peek: boolean;
}

interface PermissionGridProps {
  grid: RefObject<HTMLDivElement | null>;
  rows: readonly GridRow[];
  groups: ReadonlyMap<string, ToolGroup>;
  isOpen: (connection: string) => boolean;
  subjects: readonly Subject[];
  index: PermissionIndex;
  edits: Staged;
  editable: boolean;
  selection: Selection;
  card: Card | undefined;
  /** What the card says. */
  children: ReactNode;
  commands: GridCommands;
  onCard: (card: Card | undefined) => void;
}

/** Tools by people as an ARIA grid: one stop of the Tab key, everything else by the keys within. */
export function PermissionGrid(props: PermissionGridProps) {
  const { grid, rows, groups, isOpen, subjects, index, edits, editable, selection, card, commands, onCard } = props;
  const { head } = selection;
  const layout = useLayout(grid, { rows: rows.length, cols: subjects.length }, head);
  const ref = useMergedRef(grid, layout.ref);
  const peek = usePeek(props);
  const extent: Extent = { rows: rows.length, cols: subjects.length, page: layout.page };
  // By keys one goes where nothing may be to be seen yet; a pointer is where it is, and must not have the rows move beneath it.
  const byKeys: GridCommands = {
    ...commands,
    select: (next) => {
      const moved = next.head.row !== head.row || next.head.col !== head.col;
      peek.forget();
      commands.select(next);
      layout.show(next.head);
      // Escape stays where it is: it is what takes the card away. Of several cells there is no one card.
      const alone = next.anchor.row === next.head.row && next.anchor.col === next.head.col;
      if (moved && alone) peek.restOn(next.head, "keys");
    },
    openCard: () => {
      peek.forget();
      commands.openCard();
    },
  };
  const pointer = usePointer(props, peek);

  const box = boxOf(selection);
  const selected = new Set(box.top === box.bottom && box.left === box.right ? [] : rowsIn(box, rows));
  return (
    <div
      ref={ref}
      role="grid"
      tabIndex={0}
      className="pg"
      data-wide={layout.wide}
      data-testid="permission-grid"
      aria-label={t.label}
      aria-rowcount={rows.length + 1}
      aria-colcount={subjects.length + 1}
      aria-multiselectable
      aria-readonly={!editable}
      aria-activedescendant={rows.length === 0 ? undefined : cellId(head.row, head.col)}
      onKeyDown={gridKeys(selection, extent, rows, editable, byKeys)}
      onScroll={() => card?.peek && onCard(undefined)}
      onFocus={(event) => {
        // Come to from elsewhere on the page, and not by closing a card or by the pointer.
        if (event.target === event.currentTarget && event.relatedTarget !== null && event.target.matches(":focus-visible")) peek.restOn(head, "keys");
      }}
      onBlur={peek.forget}
      {...pointer}
    >
      <div className="pg-sizer" style={{ height: layout.height, width: layout.width, "--pg-names": `${layout.names}px` } as object}>
        <div role="row" aria-rowindex={1} className="pg-head" style={{ height: layout.head }}>
          <div role="columnheader" aria-colindex={1} className="pg-corner">
            {t.corner}
          </div>
          {layout.cols.map((col) => {
            const subject = subjects[col.index];
            if (subject === undefined) return null;
            return (
              // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- Ctrl+Space in the grid does the same
              <div
                key={subject.key}
                role="columnheader"
                aria-colindex={col.index + 2}
                className="pg-who"
                data-active={col.index === head.col}
                title={subject.key}
                style={{ left: col.start, width: col.size }}
                onClick={() => commands.select({ anchor: { row: 0, col: col.index }, head: { row: rows.length - 1, col: col.index } })}
              >
                <span className="pg-who-name">
                  {subject.kind === "team" && <Icon name="people" size={13} />}
                  <span>{subject.kind === "team" ? subject.team.name : subject.key}</span>
                </span>
              </div>
            );
          })}
        </div>
        {layout.rows.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const isIn = selected.has(item.index);
          return (
            <GridRowView
              key={row.id}
              row={row}
              at={item.index}
              top={item.start}
              group={row.type === "group" ? groups.get(row.connection) : undefined}
              open={isOpen(row.connection)}
              subjects={subjects}
              cols={layout.cols}
              index={index}
              edits={edits}
              wide={layout.wide}
              telling={layout.telling}
              active={item.index === head.row ? head.col : undefined}
              from={isIn ? box.left : 0}
              to={isIn ? box.right : NAMES}
            />
          );
        })}
        {card && (
          <Popover
            key={`${card.place.row} ${card.place.col} ${card.peek}`}
            opened
            position="bottom-start"
            width={380}
            shadow="md"
            trapFocus={!card.peek}
            // Its anchor is no button, and its name is what it says.
            withRoles={false}
            transitionProps={{ duration: 0 }}
            middlewares={{ flip: { crossAxis: true }, shift: true }}
            onChange={(opened) => {
              if (opened) return;
              onCard(undefined);
              if (!card.peek) grid.current?.focus({ preventScroll: true });
            }}
          >
            <Popover.Target>
              <div
                className="pg-anchor"
                style={{ top: layout.head + card.place.row * ROW, left: layout.names + card.place.col * layout.col, height: ROW, width: layout.col }}
              />
            </Popover.Target>
            <Popover.Dropdown p="sm" className={card.peek ? "pg-peek" : undefined} {...(card.peek ? {} : { role: "dialog", "aria-label": t.card.title(subjects[card.place.col]?.key ?? "", rows[card.place.row]?.id ?? "") })}>
              {props.children}
            </Popover.Dropdown>
          </Popover>
        )}
      </div>
    </div>
  );
}

/** The card of the cell that the pointer or the keys rest on. */
function usePeek({ grid, card, onCard }: PermissionGridProps) {
  const rest = useRef<{ timer: number | undefined; place: Place | undefined }>({ timer: undefined, place: undefined });
  const forget = () => {
    window.clearTimeout(rest.current.timer);
    rest.current.place = undefined;
    if (card?.peek) onCard(undefined);
  };
  const restOn = (place: Place | undefined, by: keyof typeof PEEK_AFTER_MS) => {
    forget();
    rest.current.place = place;
    if (place === undefined || place.col === NAMES) return;
    rest.current.timer = window.setTimeout(() => {
      // Whoever has gone elsewhere meanwhile does not look at it.
      if (by === "pointer" || document.activeElement === grid.current) onCard({ place, peek: true });
    }, PEEK_AFTER_MS[by]);
  };
  const isOn = (place: Place | undefined) => place?.row === rest.current.place?.row && place?.col === rest.current.place?.col;
  useEffect(() => () => window.clearTimeout(rest.current.timer), []);
  return { forget, restOn, isOn };
}

/** Selecting by pointer: click, Shift and click, drag; and the card of what it rests on. */
function usePointer({ grid, rows, selection, commands, card, onCard }: PermissionGridProps, peek: ReturnType<typeof usePeek>) {
  const dragging = useRef(false);
  return {
    onPointerDown: (event: PointerEvent) => {
      const place = placeOf(event.target, grid.current);
      if (event.button !== 0 || place === undefined) return;
      peek.forget();
      const row = rows[place.row];
      dragging.current = place.col !== NAMES;
      if (place.col === NAMES && row?.type === "group") commands.toggle(row);
      commands.select(event.shiftKey && place.col !== NAMES ? { anchor: { ...selection.anchor, col: Math.max(0, selection.anchor.col) }, head: place } : at(place));
    },
    onPointerMove: (event: PointerEvent) => {
      const place = placeOf(event.target, grid.current);
      if (event.buttons === 1 && dragging.current) {
        if (place && place.col !== NAMES && (place.row !== selection.head.row || place.col !== selection.head.col)) commands.select({ ...selection, head: place });
        return;
      }
      if (event.pointerType === "touch" || (card && !card.peek) || peek.isOn(place)) return;
      peek.restOn(place, "pointer");
    },
    onPointerUp: () => {
      dragging.current = false;
    },
    onPointerLeave: peek.forget,
    onClick: (event: { target: EventTarget; shiftKey: boolean }) => {
      const place = placeOf(event.target, grid.current);
      if (place && place.col !== NAMES && !event.shiftKey) onCard({ place, peek: false });
    },
  };
}

/** The cell that an event is about: not those of the card, which React passes on to the grid, too. */
function placeOf(target: EventTarget, grid: HTMLElement | null): Place | undefined {
  const cell = target instanceof Element && grid?.contains(target) ? target.closest<HTMLElement>("[data-row]") : null;
  return cell ? { row: Number(cell.dataset.row), col: Number(cell.dataset.col) } : undefined;
}

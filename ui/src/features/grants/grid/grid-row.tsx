import type { VirtualItem } from "@tanstack/react-virtual";
import { memo } from "react";

import type { Grant } from "../../../api/types";
import { Icon, type IconName } from "../../../components/icons";
import { KindMark } from "../../../components/tool-name";
import { UntrustedText } from "../../../components/untrusted-text";
import { strings } from "../../../strings";
import { itemOf } from "../../../strings/items";
import type { Cell, InForce, PermissionIndex } from "../resolve";
import type { Subject } from "../subject";
import type { GridRow, ToolGroup } from "./rows";
import { type Choice, editKey, type Staged } from "./staged";

const t = strings.grid;

const SHAPES: Record<InForce, { tone: string; icon: IconName }> = {
  allow: { tone: "allow", icon: "check" },
  ask: { tone: "ask", icon: "hand" },
  deny: { tone: "deny", icon: "cross" },
  depends: { tone: "neutral", icon: "question" },
  nothing: { tone: "none", icon: "dash" },
};

/** Longest of an upstream's text in one line. */
const LINE = 200;

export const cellId = (row: number, col: number) => `pg-${row}-${col}`;

interface GridRowProps {
  row: GridRow;
  /** Its number, and where it is. */
  at: number;
  top: number;
  /** The group that it heads. */
  group: ToolGroup | undefined;
  open: boolean;
  subjects: readonly Subject[];
  cols: readonly VirtualItem[];
  index: PermissionIndex;
  edits: Staged;
  /** Words in the cells, not only their signs. */
  wide: boolean;
  /** And where it comes from. */
  telling: boolean;
  /** The column of it that one is in. */
  active: number | undefined;
  /** Those that are selected of it. */
  from: number;
  to: number;
}

/** One row of what is to be seen of the grid; drawn again only if something of it changes. */
export const GridRowView = memo(function GridRowView(props: GridRowProps) {
  const { row, at, top, subjects, cols, index, edits, wide, telling, active, from, to } = props;
  return (
    <div role="row" aria-rowindex={at + 2} className="pg-row" data-type={row.type} style={{ transform: `translateY(${top}px)` }}>
      <RowName {...props} />
      {cols.map((col) => {
        const subject = subjects[col.index];
        if (subject === undefined) return null;
        const tool = "grantAs" in row && row.grantAs !== undefined ? row.grantAs : row.id;
        return (
          <CellView
            key={subject.key}
            id={cellId(at, col.index)}
            row={at}
            col={col.index}
            left={col.start}
            width={col.size}
            subject={subject.key}
            tool={row.id}
            cell={index.cell(subject, row)}
            pending={edits.get(editKey(subject.key, tool))?.choice}
            inside={row.type === "group" && !props.open && props.group ? index.count(subject.key, props.group.tools) : 0}
            wide={wide}
            telling={telling}
            active={active === col.index}
            selected={col.index >= from && col.index <= to}
          />
        );
      })}
    </div>
  );
});

function RowName({ row, at, group, open, active }: GridRowProps) {
  const own = itemOf(row.id).own;
  const name = row.type === "tool" ? own : row.id;
  const state = { "data-row": at, "data-col": -1, "data-active": active === -1, id: cellId(at, -1), "data-testid": `row-${row.id}` };
  if (row.type === "group" && group) {
    const connection = row.connection;
    return (
      <div role="rowheader" aria-colindex={1} aria-expanded={connection === "" ? undefined : open} className="pg-name" {...state}>
        {connection !== "" && (
          <span className="pg-turn" data-open={open}>
            <Icon name="down" size={14} />
          </span>
        )}
        <span className="pg-group">{connection === "" ? t.all : connection}</span>
        <code className="dim">{row.id}</code>
        {connection !== "" && <span className="dim pg-count">{t.toolCount(group.tools.length)}</span>}
      </div>
    );
  }
  return (
    <div role="rowheader" aria-colindex={1} className="pg-name" title={row.type === "tool" && row.description ? `${row.id}\n${row.description.slice(0, LINE)}` : row.id} {...state}>
      {row.type === "tool" && row.kind !== "tool" && <KindMark kind={row.kind} />}
      <code>
        <UntrustedText text={name} limit={LINE} />
      </code>
      {row.type === "tool" && row.fresh && (
        <span className="pg-flag" data-tone="wait" title={strings.grants.newTool}>
          <Icon name="alert" size={13} />
          <span className="visually-hidden">{strings.grants.newTool}</span>
        </span>
      )}
      {row.type === "tool" && !row.offered && <span className="dim pg-count">{t.notOffered}</span>}
    </div>
  );
}

interface CellProps {
  id: string;
  row: number;
  col: number;
  left: number;
  width: number;
  subject: string;
  tool: string;
  cell: Cell;
  pending: Choice | undefined;
  inside: number;
  wide: boolean;
  telling: boolean;
  active: boolean;
  selected: boolean;
}

const CellView = memo(function CellView(props: CellProps) {
  const { cell, pending, wide, telling, inside } = props;
  const shown: InForce = pending === undefined ? cell.verdict : pending === "none" ? "nothing" : pending;
  const shape = SHAPES[shown];
  const from = pending === undefined ? sourceOf(cell, props.subject) : undefined;
  const isOwn = pending !== undefined || from === "own";
  const marks = marksOf(cell);
  return (
    <div
      role="gridcell"
      id={props.id}
      aria-colindex={props.col + 2}
      aria-selected={props.selected}
      aria-label={labelOf(props, shown, from)}
      className="pg-cell"
      style={{ left: props.left, width: props.width }}
      data-row={props.row}
      data-col={props.col}
      data-active={props.active}
      data-tone={shape.tone}
      data-verdict={cell.verdict}
      data-own={cell.own?.effect ?? "none"}
      data-pending={pending}
      data-testid={`cell-${props.subject}-${props.tool}`}
    >
      {(shown !== "nothing" || pending !== undefined) && (
        <span className="pg-chip" data-own={isOwn} aria-hidden="true">
          <Icon name={shape.icon} size={14} />
          {wide && <span>{strings.grants.inWord[shown]}</span>}
        </span>
      )}
      {shown === "nothing" && pending === undefined && <span className="pg-none" aria-hidden="true" />}
      {telling && from !== undefined && from !== "own" && <span className="pg-from dim" aria-hidden="true">{fromWords(cell.inherited[0], props.subject)}</span>}
      {!telling && from !== undefined && from !== "own" && (
        <span className="pg-source">
          <Icon name={from === "pattern" ? "filter" : "people"} size={9} />
        </span>
      )}
      {marks.map((mark) => (
        <span key={mark} className="pg-mark" title={t.notes[mark]}>
          <Icon name={mark === "when" ? "question" : mark === "limited" ? "clock" : "alert"} size={wide ? 12 : 9} />
        </span>
      ))}
      {inside > 0 && (
        <span className="pg-inside" aria-hidden="true" title={t.inside(inside)}>
          {inside}
        </span>
      )}
    </div>
  );
});

type Source = "own" | "team" | "pattern" | "owner";

/** Where it comes from that a cell is as it is. */
function sourceOf(cell: Cell, subject: string): Source | undefined {
  if (cell.verdict === "nothing") return undefined;
  const counts = (grant: Grant) => cell.verdict === "depends" || grant.effect === cell.verdict;
  if ((cell.own && counts(cell.own)) || cell.conditional.some(counts)) return "own";
  const grant = cell.inherited.find(counts);
  if (grant === undefined) return undefined;
  if (grant.subject === subject) return "pattern";
  return grant.subject.startsWith("team:") ? "team" : "owner";
}

type NoteMark = "when" | "limited" | "fresh";

function marksOf({ own, conditional }: Cell): NoteMark[] {
  const marks: NoteMark[] = [];
  if (conditional.length > 0) marks.push("when");
  if (own && (own.expires_at != null || own.rate != null)) marks.push("limited");
  if ((own?.new_tools?.length ?? 0) > 0) marks.push("fresh");
  return marks;
}

function fromWords(grant: Grant | undefined, subject: string): string {
  if (grant === undefined) return "";
  return grant.subject === subject ? grant.tool : grant.subject.replace(/^team:/, "");
}

function labelOf(props: CellProps, shown: InForce, from: Source | undefined): string {
  const notes = [
    ...(props.pending === undefined ? [] : [t.notes.pending(props.pending)]),
    ...(from === undefined ? [] : [t.notes[from]]),
    ...marksOf(props.cell).map((mark) => t.notes[mark]),
    ...(props.inside > 0 ? [t.inside(props.inside)] : []),
  ];
  return t.cell(props.subject, props.tool, t.verdicts[props.pending === undefined ? shown : props.cell.verdict], notes);
}

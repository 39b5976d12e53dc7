import { useCallback, useMemo, useRef, useState } from "react";

import type { Grant, Tool } from "../../../api/types";
import { useIsAdmin } from "../../../api/use-role";
import { useServiceState } from "../../../api/use-service-state";
import { Dialog } from "../../../components/dialog";
import { Empty } from "../../../components/states";
import { strings } from "../../../strings";
import { ExplainPanel } from "../explain/explain-panel";
import { PermissionIndex } from "../resolve";
import { findSubject, type People, type Subject, subjectsShown } from "../subject";
import { useGrantDialogs } from "../use-grant-dialogs";
import { CellCard } from "./cell-card";
import { GridToolbar, type GridFilter } from "./grid-toolbar";
import { PermissionGrid } from "./permission-grid";
import { type GridRow, groupTools, rowsOf } from "./rows";
import { SelectionBar } from "./selection-bar";
import { editKey } from "./staged";
import { useChanges } from "./use-changes";
import { grantName, useCommands } from "./use-commands";
import type { Edits } from "./use-staged";
import "./grid.css";

const t = strings.grid;
/** With more, connections are closed at first. */
const MOST_OPEN = 200;

interface GridViewProps {
  people: People;
  grants: readonly Grant[];
  tools: readonly Tool[];
  edits: Edits;
  filter: GridFilter;
  onFilter: (filter: GridFilter) => void;
}

/** The permission map as a grid: who may do what, and why, all of it editable in place. */
export function GridView({ people, grants, tools, edits, filter, onFilter }: GridViewProps) {
  const mayChange = useIsAdmin();
  const stopped = useServiceState() === "stopped";
  const editable = mayChange && !stopped;
  const [now] = useState(() => Date.now());
  const { open, dialogs } = useGrantDialogs();
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const [why, setWhy] = useState<{ caller: string; tool: string }>();
  const grid = useRef<HTMLDivElement>(null);
  const fields = { tools: useRef<HTMLInputElement>(null), people: useRef<HTMLInputElement>(null) };

  const only = useMemo(() => (filter.subject === undefined ? undefined : findSubject(filter.subject, people)), [filter.subject, people]);
  const subjects = useMemo(() => {
    const wanted = (filter.who ?? "").trim().toLowerCase();
    return subjectsShown(people, only).filter((subject) => subject.key.toLowerCase().includes(wanted));
  }, [people, only, filter.who]);
  const index = useMemo(() => new PermissionIndex(grants, now), [grants, now]);
  const groups = useMemo(() => groupTools(tools, grants, new Set(subjects.map((subject) => subject.key)), now), [tools, grants, subjects, now]);
  const byConnection = useMemo(() => new Map(groups.map((group) => [group.connection, group])), [groups]);
  const openAtFirst = tools.length <= MOST_OPEN;
  const isOpen = useCallback((connection: string) => (filter.find ?? "").trim() !== "" || openAtFirst !== turned.has(connection), [filter.find, openAtFirst, turned]);
  const rows = useMemo(() => rowsOf(groups, isOpen, filter.find ?? ""), [groups, isOpen, filter.find]);
  const allOpen = groups.every((group) => isOpen(group.connection));

  const toggle = (row: GridRow, wanted?: boolean) => {
    if (row.connection === "" || wanted === isOpen(row.connection)) return;
    setTurned((before) => new Set(before.has(row.connection) ? [...before].filter((name) => name !== row.connection) : [...before, row.connection]));
  };
  const turnAll = () => setTurned(new Set(allOpen === openAtFirst ? groups.map((group) => group.connection) : []));
  const details = ({ subject, row }: { subject: Subject; row: GridRow }) => {
    const tool = grantName(row);
    const grant = index.own(subject.key, tool);
    const pending = edits.edits.get(editKey(subject.key, tool))?.choice;
    // The form says it all from here on.
    if (pending !== undefined) edits.stage([{ subject: subject.key, tool, choice: grant?.effect ?? "none" }], index, now);
    open(grant ? { grant } : { subject: subject.key, tool, effect: pending === "none" ? undefined : pending });
  };
  const { apply, changes } = useChanges(edits, index, now, !editable);
  const { selection, commands, card, setCard, carded, here, count, note, keys, setKeys } = useCommands({ rows, subjects, index, now, edits }, fields, {
    toggle,
    details,
    apply,
  });
  const back = () => grid.current?.focus({ preventScroll: true });
  const closeCard = () => {
    setCard(undefined);
    back();
  };

  if (filter.subject !== undefined && only === undefined) {
    return (
      <>
        <GridToolbar {...{ filter, onFilter, fields, allOpen, counts: "" }} onOpenAll={turnAll} onGrid={back} />
        <Empty icon="key" title={strings.grants.goneTitle(filter.subject)} text={strings.grants.chooseText} />
      </>
    );
  }
  return (
    <div className="pg-view">
      <GridToolbar {...{ filter, onFilter, fields, allOpen }} counts={t.counts(tools.length, subjects.length)} onOpenAll={turnAll} onGrid={back} />
      {tools.length === 0 && <Empty icon="plug" title={t.nothingTitle} text={t.nothingText} />}
      {rows.length === 0 && <p className="dim note">{t.noTool(filter.find ?? "")}</p>}
      {subjects.length === 0 && <p className="dim note">{t.nobody(filter.who ?? "")}</p>}
      {rows.length > 0 && subjects.length > 0 && (
        <div className="panel pg-panel">
          <PermissionGrid
            {...{ grid, rows, isOpen, subjects, index, editable, selection, card, commands }}
            groups={byConnection}
            edits={edits.edits}
            onCard={setCard}
          >
            {card && carded && (
              <CellCard
                subject={carded.subject}
                tool={carded.row.id}
                grantAs={grantName(carded.row)}
                description={carded.row.type === "tool" ? carded.row.description : undefined}
                cell={index.cell(carded.subject, carded.row)}
                pending={edits.edits.get(editKey(carded.subject.key, grantName(carded.row)))?.choice}
                now={now}
                peek={card.peek}
                editable={editable}
                onChoose={(choice) => {
                  edits.stage([{ subject: carded.subject.key, tool: grantName(carded.row), choice }], index, now);
                  closeCard();
                }}
                onEdit={(grant) => {
                  setCard(undefined);
                  open({ grant });
                }}
                onDetails={() => {
                  setCard(undefined);
                  details(carded);
                }}
                onWhy={
                  carded.row.type === "tool" && carded.subject.kind !== "team"
                    ? () => {
                        setCard(undefined);
                        setWhy({ caller: carded.subject.key, tool: carded.row.id });
                      }
                    : undefined
                }
                onOnly={carded.subject.key === filter.subject ? undefined : () => onFilter({ ...filter, subject: carded.subject.key, who: undefined })}
              />
            )}
          </PermissionGrid>
          <SelectionBar
            what={count > 1 ? t.bar.many(count) : here ? t.bar.one(here.subject.key, here.row.id) : (rows[selection.head.row]?.id ?? "")}
            note={note}
            editable={editable}
            cells={count > 0}
            showsKeys={keys}
            onChoose={(choice) => {
              commands.choose(choice);
              back();
            }}
            onDetails={commands.details}
            onKeys={setKeys}
          />
        </div>
      )}
      {changes}
      {dialogs}
      {why && (
        <Dialog onClose={() => setWhy(undefined)} title={t.card.why} size="lg" closeButtonProps={{ "aria-label": strings.close }}>
          <ExplainPanel caller={why.caller} tool={why.tool} />
        </Dialog>
      )}
    </div>
  );
}

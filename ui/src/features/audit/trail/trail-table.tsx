import { type KeyboardEvent, memo } from "react";

import { Icon, type IconName } from "../../../components/icons";
import { Mark } from "../../../components/mark";
import { duration, startOfDay } from "../../../components/time";
import { ToolLine } from "../../../components/tool-name";
import { UntrustedText } from "../../../components/untrusted-text";
import { WhenInList } from "../../../components/when";
import { strings } from "../../../strings";
import { DecisionMark, statusWords, StatusMark } from "../marks";
import type { Row } from "../rows";

const t = strings.audit.list;

interface TrailTableProps {
  rows: readonly Row[];
  now: number;
  /** Whether a call without an outcome is under way, or its outcome is only not shown. */
  running: boolean;
  onOpen: (id: string) => void;
}

export function TrailTable({ rows, now, running, onOpen }: TrailTableProps) {
  const today = startOfDay(now);
  return (
    <table className="feed-table trail-table">
      <colgroup>
        <col className="trail-time" />
        <col className="feed-who" />
        <col />
        <col className="feed-decision" />
        <col className="feed-status" />
        <col className="feed-duration" />
        <col className="feed-reason" />
      </colgroup>
      <thead>
        <tr>
          <th scope="col">{t.time}</th>
          <th scope="col">{t.who}</th>
          <th scope="col">{t.what}</th>
          <th scope="col">{t.decision}</th>
          <th scope="col">{t.status}</th>
          <th scope="col" className="number">
            {t.duration}
          </th>
          <th scope="col" className="feed-reason">
            {t.reason}
          </th>
        </tr>
      </thead>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the arrows move between the buttons of the rows */}
      <tbody onKeyDown={moveFocus}>
        {rows.map((row) => (
          <TrailRow key={row.key} row={row} today={today} running={running} onOpen={onOpen} />
        ))}
      </tbody>
    </table>
  );
}

/** Up and down, first and last, from row to row. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const here = (event.target as HTMLElement).closest("tr");
  const all = event.currentTarget;
  const to = { ArrowDown: here?.nextElementSibling, ArrowUp: here?.previousElementSibling, Home: all.firstElementChild, End: all.lastElementChild }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  to?.querySelector("button")?.focus();
}

const KIND_ICONS: Record<string, IconName> = { approval: "hand", config: "tool", sign_in: "people", service: "shield" };

interface TrailRowProps {
  row: Row;
  today: number;
  running: boolean;
  onOpen: (id: string) => void;
}

const TrailRow = memo(function TrailRow({ row, today, running, onOpen }: TrailRowProps) {
  return (
    <tr className="feed-row trail-row" data-testid="audit-row" data-id={row.id} data-kind={row.kind} data-decision={row.decision} onClick={() => onOpen(row.id)}>
      <td className="number trail-time">
        <WhenInList at={row.time} now={today} />
      </td>
      <td className="trail-who">{row.user === undefined ? <span className="dim">{t.nobody}</span> : <UntrustedText text={row.agent === undefined ? row.user : `${row.user} / ${row.agent}`} />}</td>
      <td className="trail-what">
        <button
          type="button"
          className="link"
          title={row.tool}
          aria-haspopup="dialog"
          onClick={(event) => {
            event.stopPropagation();
            onOpen(row.id);
          }}
        >
          <What row={row} />
        </button>
      </td>
      {row.kind === "call" || row.kind === "approval" ? (
        <>
          <td className="trail-decision">{row.decision !== undefined && <DecisionMark decision={row.decision} />}</td>
          <td className="trail-status">
            {row.status === undefined && !running ? <Mark tone="neutral" icon="clock" label={t.recorded} /> : <StatusMark status={row.status} reason={row.kind === "call" ? row.reason : undefined} />}
          </td>
          <td className="number trail-duration">{row.durationMs === undefined ? "" : duration(row.durationMs)}</td>
        </>
      ) : (
        <>
          <td className="trail-detail" colSpan={2}>
            <UntrustedText text={row.detail ?? ""} limit={200} />
          </td>
          <td className="trail-duration">{""}</td>
        </>
      )}
      <td className="dim feed-reason" title={row.reason}>
        <UntrustedText text={row.reason === undefined ? "" : strings.reasonWords(row.reason)} />
      </td>
    </tr>
  );
});

function What({ row }: { row: Row }) {
  if (row.kind === "call") return row.tool === undefined ? strings.feed.unknownTool : <ToolLine id={row.tool} />;
  const said = row.kind === "approval" ? row.tool && <ToolLine id={row.tool} /> : row.status && <UntrustedText text={statusWords(row.status)} />;
  return (
    <>
      <span className="trail-kind">
        <Icon name={KIND_ICONS[row.kind] ?? "dash"} size={13} /> <span className="trail-kind-name">{t.kinds[row.kind] ?? row.kind}</span>
      </span>
      {said !== undefined && <span className={row.kind === "approval" ? undefined : "trail-said"}>{said}</span>}
    </>
  );
}

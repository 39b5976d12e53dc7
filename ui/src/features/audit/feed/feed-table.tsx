import { defaultRangeExtractor, useVirtualizer } from "@tanstack/react-virtual";
import { Fragment, memo, type ReactNode, useRef, useState } from "react";

import { duration, startOfDay } from "../../../components/time";
import { ToolLine } from "../../../components/tool-name";
import { UntrustedText } from "../../../components/untrusted-text";
import { useNow } from "../../../components/use-now";
import { WhenInList } from "../../../components/when";
import { strings } from "../../../strings";
import { DecisionMark, StatusMark, WaitMark } from "../marks";
import type { Row } from "../rows";
import { type Feed, type Wait, waitOf } from "./feed";

const t = strings.feed;

/** Height of a row, in pixels (audit.css). */
const ROW = 32;
const OVERSCAN = 8;

interface FeedTableProps {
  feed: Feed;
  /** Those of the feed that are shown. */
  rows: readonly Row[];
  onOpen: (id: string) => void;
  /** What stands below them. */
  children: ReactNode;
}

/** The calls, of which only those to be seen are drawn: under many calls a second, too, the page stays smooth. */
export function FeedTable({ feed, rows, onOpen, children }: FeedTableProps) {
  const today = startOfDay(useNow());
  const scroller = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState<string>();
  // oxlint-disable-next-line react/incompatible-library -- nothing of it is handed on to what is memoized
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: OVERSCAN,
    // What has the focus stays there, however far down new calls move it.
    rangeExtractor: (range) => {
      const drawn = defaultRangeExtractor(range);
      const at = focused === undefined ? -1 : rows.findIndex((row) => row.id === focused);
      return at < 0 || drawn.includes(at) ? drawn : [...drawn, at].toSorted((a, b) => a - b);
    },
    useFlushSync: false,
  });
  const drawn = virtual.getVirtualItems();
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
    <div ref={scroller} className="feed-scroll" tabIndex={0} role="group" aria-label={t.title}>
      <table className="feed-table" aria-rowcount={rows.length + 1}>
        <colgroup>
          <col className="feed-time" />
          <col className="feed-who" />
          <col />
          <col className="feed-decision" />
          <col className="feed-status" />
          <col className="feed-duration" />
          <col className="feed-reason" />
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">{t.time}</th>
            <th scope="col">{t.who}</th>
            <th scope="col">{t.tool}</th>
            <th scope="col">{t.decision}</th>
            <th scope="col">{t.statusTitle}</th>
            <th scope="col" className="number feed-duration">
              {t.duration}
            </th>
            <th scope="col" className="feed-reason">
              {t.reason}
            </th>
          </tr>
        </thead>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- heard of from the buttons of the rows */}
        <tbody onFocus={(event) => setFocused(event.target.closest("tr")?.dataset.call)} onBlur={() => setFocused(undefined)}>
          {drawn.map((item, at) => {
            const row = rows[item.index];
            return (
              row && (
                <Fragment key={row.id}>
                  <Gap height={item.start - (drawn[at - 1]?.end ?? 0)} />
                  <CallRow row={row} index={item.index} wait={waitOf(row, feed)} today={today} onOpen={onOpen} />
                </Fragment>
              )
            );
          })}
          <Gap height={virtual.getTotalSize() - (drawn.at(-1)?.end ?? 0)} />
        </tbody>
      </table>
      {children}
    </div>
  );
}

/** The place of rows that are not drawn. */
function Gap({ height }: { height: number }) {
  return height > 0 && <tr aria-hidden="true" style={{ height }} />;
}

interface CallRowProps {
  row: Row;
  index: number;
  wait: Wait | undefined;
  today: number;
  onOpen: (id: string) => void;
}

const CallRow = memo(function CallRow({ row, index, wait, today, onOpen }: CallRowProps) {
  return (
    <tr aria-rowindex={index + 2} className="feed-row" data-testid="feed-row" data-call={row.id} data-decision={row.decision} data-wait={wait} onClick={() => onOpen(row.id)}>
      <td className="number">
        <WhenInList at={row.time} now={today} />
      </td>
      <td>
        <UntrustedText text={who(row)} />
      </td>
      <td className="feed-tool">
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
          {row.tool === undefined ? t.unknownTool : <ToolLine id={row.tool} />}
        </button>
      </td>
      <td>
        <DecisionMark decision={row.decision} />
      </td>
      <td>
        {wait === undefined ? <StatusMark status={row.status} reason={row.reason} /> : <WaitMark wait={wait} />}
      </td>
      <td className="number feed-duration">{row.durationMs === undefined ? "" : duration(row.durationMs)}</td>
      <td className="dim feed-reason" title={row.reason}>
        <UntrustedText text={row.reason === undefined ? "" : strings.reasonWords(row.reason)} />
      </td>
    </tr>
  );
});

function who(row: Row): string {
  if (row.user === undefined) return t.nobody;
  return row.agent === undefined ? row.user : `${row.user} / ${row.agent}`;
}

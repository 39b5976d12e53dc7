import { Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { memo, useCallback, useState } from "react";

import { useServiceState } from "../../../api/use-service-state";
import { Icon } from "../../../components/icons";
import { Empty, Failure, Loading } from "../../../components/states";
import { duration, startOfDay } from "../../../components/time";
import { ToolLine } from "../../../components/tool-name";
import { UntrustedText } from "../../../components/untrusted-text";
import { useNow } from "../../../components/use-now";
import { WhenInList } from "../../../components/when";
import { strings } from "../../../strings";
import { DecisionMark, StatusMark, WaitMark } from "../marks";
import type { Row } from "../rows";
import { DECISIONS, type Feed, type FeedFilter, MAX_ROWS, matches, type Wait, waitOf } from "./feed";
import { useFeed } from "./use-feed";
import "../audit.css";

const t = strings.feed;

interface FeedViewProps {
  filter: FeedFilter;
  onFilter: (filter: FeedFilter) => void;
  /** Address of the audit page with the same filter. */
  trailHref: string;
  onOpen: (id: string) => void;
}

export function FeedView({ filter, onFilter, trailHref, onOpen }: FeedViewProps) {
  const live = useFeed();
  // Said above every page then.
  const stopped = useServiceState() === "stopped";
  const [held, setHeld] = useState<Feed>();
  const shown = held ?? live.feed;
  const rows = shown.rows.filter((row) => matches(row, filter));
  const today = startOfDay(useNow());
  const open = useCallback((id: string) => onOpen(id), [onOpen]);
  const isFull = shown.rows.length >= MAX_ROWS;

  return (
    <section className="panel feed" aria-labelledby="feed-title">
      <Group className="panel-head" justify="space-between" gap="xs">
        <h2 id="feed-title">{t.title}</h2>
        <Group gap="xs">
          <TextInput
            size="xs"
            w={170}
            aria-label={t.search}
            placeholder={t.search}
            value={filter.text ?? ""}
            onChange={(event) => onFilter({ ...filter, text: event.currentTarget.value || undefined })}
          />
          <SegmentedControl
            size="xs"
            aria-label={t.show}
            value={filter.decision ?? "all"}
            onChange={(value) => onFilter({ ...filter, decision: DECISIONS.find((decision) => decision === value) })}
            data={[
              { value: "all", label: t.all },
              { value: "allow", label: t.allow },
              { value: "ask", label: t.ask },
              { value: "deny", label: t.deny },
            ]}
          />
          <Button
            size="xs"
            variant="default"
            aria-pressed={held !== undefined}
            leftSection={<Icon name={held ? "play" : "clock"} size={14} />}
            onClick={() => setHeld(held ? undefined : live.feed)}
          >
            {held ? t.follow : t.hold}
          </Button>
        </Group>
      </Group>
      {live.error && !stopped && <Failure message={live.error.message} next={live.error.next} action={{ label: strings.retry, run: live.readAgain }} />}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard */}
      <div className="feed-scroll" tabIndex={0} role="group" aria-label={t.title}>
        <table className="feed-table">
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
            <tr>
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
          <tbody>
            {rows.map((row) => (
              <CallRow key={row.id} row={row} wait={waitOf(row, shown)} today={today} onOpen={open} />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && !live.loading && !live.error && (
          <Empty
            icon="clock"
            title={shown.rows.length === 0 ? t.emptyTitle : t.noMatchTitle}
            text={shown.rows.length === 0 ? t.emptyText : t.noMatchText(shown.rows.length)}
          />
        )}
        {rows.length === 0 && live.loading && <Loading label={strings.loading} />}
        <Group justify="center" p="sm">
          {live.more && !isFull && shown.oldestSeq !== undefined && (
            <Button size="xs" variant="default" loading={live.loading} onClick={live.readOlder} disabled={held !== undefined}>
              {t.older}
            </Button>
          )}
          {isFull && (
            <Text size="xs" c="dimmed">
              {t.full(MAX_ROWS)} <a href={trailHref}>{t.fullRest}</a>
            </Text>
          )}
        </Group>
      </div>
    </section>
  );
}

const CallRow = memo(function CallRow({ row, wait, today, onOpen }: { row: Row; wait: Wait | undefined; today: number; onOpen: (id: string) => void }) {
  return (
    <tr className="feed-row" data-testid="feed-row" data-call={row.id} data-decision={row.decision} data-wait={wait} onClick={() => onOpen(row.id)}>
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

import { Button, Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { useCallback, useState } from "react";

import { useRole } from "../../../api/use-role";
import { useServiceState } from "../../../api/use-service-state";
import { Icon } from "../../../components/icons";
import { Empty, Failure, Loading } from "../../../components/states";
import { strings } from "../../../strings";
import { DECISIONS, type Feed, type FeedFilter, MAX_ROWS, matches } from "./feed";
import { FeedTable } from "./feed-table";
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
  const member = useRole() === "member";
  // Said above every page then.
  const stopped = useServiceState() === "stopped";
  const [held, setHeld] = useState<Feed>();
  const shown = held ?? live.feed;
  const rows = shown.rows.filter((row) => matches(row, filter));
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
      <FeedTable feed={shown} rows={rows} onOpen={open}>
        {rows.length === 0 && !live.loading && !live.error && (
          <Empty
            icon="clock"
            title={shown.rows.length === 0 ? t.emptyTitle : t.noMatchTitle}
            text={shown.rows.length === 0 ? (member ? t.memberEmptyText : t.emptyText) : t.noMatchText(shown.rows.length)}
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
      </FeedTable>
    </section>
  );
}

import { Button, Group } from "@mantine/core";
import { type ReactNode, useCallback, useRef, useState } from "react";

import { useServiceState } from "../../../api/use-service-state";
import { Icon } from "../../../components/icons";
import { Empty, Failure, Loading } from "../../../components/states";
import { dayAndTime } from "../../../components/time";
import { useNow } from "../../../components/use-now";
import { strings } from "../../../strings";
import { FilterBar } from "./filter-bar";
import { isEmpty, mayHideOutcomes, type TrailFilter } from "./filter";
import { TimeChart } from "./time-chart";
import { TrailTable } from "./trail-table";
import { type Trail, useTrail } from "./use-trail";

const t = strings.audit.list;
/** Scrolled less than this counts as being at the top. */
const TOP_PX = 8;

interface TrailViewProps {
  filter: TrailFilter;
  onFilter: (filter: TrailFilter) => void;
  onOpen: (id: string) => void;
  /** Stands at the end of the filters. */
  children?: ReactNode;
}

/** The records, newest first, with every new one as it comes. */
export function TrailView({ filter, onFilter, onOpen, children }: TrailViewProps) {
  const [atTop, setAtTop] = useState(true);
  const scroll = useRef<HTMLDivElement>(null);
  const trail = useTrail(filter, atTop);
  const open = useCallback((id: string) => onOpen(id), [onOpen]);
  const now = useNow();
  // Said above every page then.
  const stopped = useServiceState() === "stopped";
  const toTop = () => {
    trail.showWaiting();
    scroll.current?.scrollTo({ top: 0 });
  };
  return (
    <>
      <FilterBar filter={filter} onFilter={onFilter}>
        {children}
      </FilterBar>
      <TimeChart filter={filter} onFilter={onFilter} />
      {trail.error && !stopped && <Failure message={trail.error.message} next={trail.error.next} action={{ label: strings.retry, run: trail.readAgain }} />}
      <section className="panel feed trail">
        <div className="trail-fresh" role="status">
          {(trail.waiting > 0 || trail.cut) && (
            <Button size="compact-sm" radius="xl" leftSection={<Icon name="up" size={14} />} onClick={toTop} data-testid="audit-fresh">
              {trail.waiting > 0 ? t.fresh(trail.waiting) : t.cut}
            </Button>
          )}
        </div>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls must be reachable by keyboard */}
        <div ref={scroll} className="feed-scroll" tabIndex={0} role="region" aria-label={t.label} aria-busy={trail.reading} onScroll={(event) => setAtTop(event.currentTarget.scrollTop < TOP_PX)} data-testid="audit-scroll">
          {trail.rows.length > 0 && <TrailTable rows={trail.rows} now={now} running={!mayHideOutcomes(filter)} onOpen={open} />}
          <End trail={trail} filtered={!isEmpty(filter)} />
        </div>
      </section>
    </>
  );
}

/** How far back was looked, and how to go on. */
function End({ trail, filtered }: { trail: Trail; filtered: boolean }) {
  const { rows, reading, more, searchedTo } = trail;
  const back = searchedTo === undefined ? undefined : dayAndTime(searchedTo);
  if (reading) {
    return (
      <Group className="trail-end" justify="center" gap="sm" data-testid="audit-searching">
        <Loading label={back === undefined ? t.searchingFirst : t.searching(back)} />
        {back !== undefined && (
          <Button size="compact-sm" variant="default" onClick={trail.stop} data-testid="audit-stop">
            {t.stop}
          </Button>
        )}
      </Group>
    );
  }
  if (trail.error) return null;
  const goOn = more && (
    <Button size="xs" variant="default" onClick={trail.readOlder} data-testid="audit-older">
      {filtered ? t.goOn : t.older}
    </Button>
  );
  if (rows.length === 0) {
    const found = more && back !== undefined ? { title: t.notYetTitle, text: t.notYetText(back) } : filtered ? { title: t.noneTitle, text: t.noneText } : { title: t.emptyTitle, text: t.emptyText };
    return (
      <Empty icon="book" {...found}>
        {goOn}
      </Empty>
    );
  }
  return (
    <div className="trail-end" role="status">
      {filtered && more && back !== undefined && <span className="dim small">{t.searching(back)}</span>}
      {goOn || <span className="dim small">{filtered ? t.endFiltered : t.end}</span>}
    </div>
  );
}

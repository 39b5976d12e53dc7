import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { useGateway } from "../../../api/gateway";
import { keys } from "../../../api/queries";
import { countTimeline } from "../../../api/timeline";
import type { AuditTimeline } from "../../../api/types";
import { type Bar, Histogram } from "../../../components/histogram";
import { dayAndTime } from "../../../components/time";
import { strings } from "../../../strings";
import { queryOf, type TrailFilter } from "./filter";

const t = strings.audit.chart;
const BUCKETS = 60;
/** Some millions of records; a longer range is shown as far as it was counted. */
const PARTS = 25;
const AGAIN_MS = 15_000;

/** How many calls the filter finds, over its time; a part of it is chosen by dragging or by keyboard. */
export function TimeChart({ filter, onFilter }: { filter: TrailFilter; onFilter: (filter: TrailFilter) => void }) {
  const { client } = useGateway();
  const counted = useQuery({
    queryKey: [keys.timeline, filter],
    queryFn: ({ signal }) => countTimeline(client, { ...queryOf(filter, Date.now()), buckets: BUCKETS }, PARTS, signal),
    // What ends now grows; what ended then does not.
    refetchInterval: filter.until === undefined ? AGAIN_MS : false,
    placeholderData: keepPreviousData,
  }).data;
  if (counted === undefined) return <div className="time-chart" aria-busy="true" />;
  const { buckets, width_ms: width, next } = counted;
  const choose = (first: number, last: number) => {
    const [from, to] = [buckets[first], buckets[last]];
    if (from === undefined || to === undefined) return;
    const end = Math.min(Date.parse(to.since) + width - 1, Date.parse(counted.until));
    onFilter({ ...filter, range: undefined, since: from.since, until: new Date(end).toISOString() });
  };
  return (
    <div className="time-chart" data-testid="time-chart">
      <div className="time-chart-words small dim" role="status">
        {t.found(sum(counted, "calls"), sum(counted, "denied"), sum(counted, "others"))}
        {next != null && ` ${t.partly}`}
      </div>
      <Histogram label={t.label} bars={barsOf(counted)} from={dayAndTime(counted.since)} to={dayAndTime(counted.until)} peak={t.peak} onChoose={width > 1 ? choose : undefined} />
    </div>
  );
}

const sum = ({ buckets }: AuditTimeline, part: "calls" | "denied" | "others") => buckets.reduce((all, bucket) => all + bucket[part], 0);

/** Calls; where the filter finds none, whatever else it finds. */
function barsOf(counted: AuditTimeline): Bar[] {
  const calls = sum(counted, "calls") > 0;
  return counted.buckets.map((bucket, index) => ({
    key: String(index),
    label: t.bucket(dayAndTime(bucket.since), bucket.calls, bucket.denied, bucket.others),
    parts: calls
      ? [
          { tone: "deny", amount: bucket.denied },
          { tone: "allow", amount: bucket.calls - bucket.denied },
        ]
      : [{ tone: "neutral", amount: bucket.others }],
  }));
}

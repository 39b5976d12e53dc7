import { type ApiClient, unwrap } from "./client";
import type { AuditTimeline } from "./types";

type TimelineQuery = NonNullable<Parameters<typeof ask>[1]>;

const ask = (client: ApiClient, query: { [name: string]: string | number | undefined; buckets?: number; since?: string; until?: string; before?: number }, signal?: AbortSignal) =>
  unwrap(client.GET("/api/v1/audit/timeline", { params: { query }, ...(signal && { signal }) }));

/** Counts of one range, part after part, newest first, at most `parts`; `next` is still set if there is more. */
export async function countTimeline(client: ApiClient, query: TimelineQuery, parts: number, signal?: AbortSignal): Promise<AuditTimeline> {
  const all = await ask(client, query, signal);
  for (let part = 1; part < parts && all.next != null; part += 1) {
    // oxlint-disable-next-line no-await-in-loop -- each part begins where the one before ended
    const more = await ask(client, { ...query, since: all.since, until: all.until, before: all.next }, signal);
    all.buckets = all.buckets.map((bucket, index) => {
      const other = more.buckets[index];
      return other === undefined ? bucket : { ...bucket, calls: bucket.calls + other.calls, denied: bucket.denied + other.denied, others: bucket.others + other.others };
    });
    all.next = more.next ?? null;
  }
  return all;
}

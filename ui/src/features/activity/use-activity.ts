import { useCallback, useEffect, useRef, useState } from "react";

import { type ApiError, asApiError } from "../../api/error";
import { useEvents, useGateway } from "../../api/gateway";
import { countTimeline } from "../../api/timeline";

const MINUTE_MS = 60_000;
const MINUTES = 60;
/** New calls are counted at most so often; a minute that is over for good never again. */
const EVERY_MS = 4_000;
/** Of a very busy hour what is left is counted the next time. */
const PARTS = 40;

interface Minute {
  /** Its start, in milliseconds since 1970. */
  start: number;
  calls: number;
  denied: number;
}

/** Calls and denials of each minute of the last hour, from the trail. Undefined until they are counted. */
export function useActivity(): { minutes: readonly Minute[] | undefined; error: ApiError | undefined } {
  const { client } = useGateway();
  const events = useEvents();
  const known = useRef(new Map<number, Minute>());
  const [minutes, setMinutes] = useState<readonly Minute[]>();
  const [error, setError] = useState<ApiError>();

  const count = useCallback(
    async (signal: AbortSignal, all: boolean) => {
      const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
      // The one before may have ended since it was counted.
      const newest = Math.max(...known.current.keys(), 0);
      const oldest = now - (MINUTES - 1) * MINUTE_MS;
      const from = all || newest < oldest ? oldest : Math.min(newest, now) - MINUTE_MS;
      const until = now + MINUTE_MS - 1;
      const buckets = Math.round((until + 1 - from) / MINUTE_MS);
      const query = { kind: "outcome", since: new Date(from).toISOString(), until: new Date(until).toISOString(), buckets };
      try {
        const counted = await countTimeline(client, query, PARTS, signal);
        for (const { since, calls, denied } of counted.buckets) known.current.set(Date.parse(since), { start: Date.parse(since), calls, denied });
        for (const start of known.current.keys()) if (start < oldest) known.current.delete(start);
        setMinutes(Array.from({ length: MINUTES }, (_, index) => oldest + index * MINUTE_MS).map((start) => known.current.get(start) ?? { start, calls: 0, denied: 0 }));
        setError(undefined);
        return true;
      } catch (thrown) {
        if (!signal.aborted) setError(asApiError(thrown));
        return false;
      }
    },
    [client],
  );

  useEffect(() => {
    const stop = new AbortController();
    let due = true;
    let all = true;
    let busy = false;
    let minute = 0;
    const look = async () => {
      const now = Math.floor(Date.now() / MINUTE_MS);
      if (busy || (!due && now === minute)) return;
      [busy, due, minute] = [true, false, now];
      const done = await count(stop.signal, all);
      // What failed is tried again.
      [busy, all, due] = [false, all && !done, due || !done];
    };
    void look();
    const timer = window.setInterval(() => void look(), EVERY_MS);
    const stopAudit = events.onAudit((record) => {
      due ||= record.kind === "outcome";
    });
    const stopGap = events.onGap(() => {
      [due, all] = [true, true];
    });
    return () => {
      stop.abort();
      window.clearInterval(timer);
      stopAudit();
      stopGap();
    };
  }, [count, events]);

  return { minutes, error };
}

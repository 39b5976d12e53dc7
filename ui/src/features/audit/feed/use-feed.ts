import { useCallback, useEffect, useRef, useState } from "react";

import { unwrap } from "../../../api/client";
import { type ApiError, asApiError } from "../../../api/error";
import { useEvents, useGateway } from "../../../api/gateway";
import type { AuditRecord } from "../../../api/types";
import { EMPTY_FEED, type Feed, mergeRecords } from "./feed";

const FIRST_PAGE = 100;
/** Nobody reads faster. What comes after a pause is drawn at once. */
const DRAW_EVERY_MS = 250;
/** A hidden window draws no frames; what piles up beyond this is read again instead. */
const MAX_WAITING = 2_000;

interface LiveFeed {
  feed: Feed;
  loading: boolean;
  error: ApiError | undefined;
  /** Whether the trail may hold older records than those read. */
  more: boolean;
  readOlder: () => void;
  readAgain: () => void;
}

/** The newest records, then every new one, drawn a few times a second at most. */
export function useFeed(): LiveFeed {
  const { client } = useGateway();
  const events = useEvents();
  const [feed, setFeed] = useState<Feed>(EMPTY_FEED);
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<ApiError>();
  const [more, setMore] = useState(true);
  const reads = useRef(0);

  const read = useCallback(
    async (before: number | undefined) => {
      reads.current += 1;
      const mine = reads.current;
      try {
        const query = before === undefined ? { limit: FIRST_PAGE } : { limit: FIRST_PAGE, before };
        const page = await unwrap(client.GET("/api/v1/audit", { params: { query } }));
        if (mine !== reads.current) return;
        setFeed((current) => mergeRecords(current, page.records));
        setMore(page.next != null);
        setError(undefined);
      } catch (thrown) {
        if (mine === reads.current) setError(asApiError(thrown));
      } finally {
        if (mine === reads.current) setLoading(false);
      }
    },
    [client],
  );

  useEffect(() => {
    // oxlint-disable-next-line react/set-state-in-effect -- state is set only once the answer is here
    void read(undefined);
    return () => {
      reads.current += 1;
    };
  }, [read]);

  useEffect(() => {
    let waiting: AuditRecord[] = [];
    let frame: number | undefined;
    let timer: number | undefined;
    let drawn = -Infinity;
    let overflowed = false;
    const draw = () => {
      frame = undefined;
      drawn = performance.now();
      const records = waiting;
      waiting = [];
      setFeed((current) => mergeRecords(current, records));
      if (overflowed) void read(undefined);
      overflowed = false;
    };
    const stopAudit = events.onAudit((record) => {
      waiting.push(record);
      if (waiting.length > MAX_WAITING) {
        waiting = waiting.slice(-MAX_WAITING / 2);
        overflowed = true;
      }
      if (frame !== undefined || timer !== undefined) return;
      timer = window.setTimeout(
        () => {
          timer = undefined;
          frame = requestAnimationFrame(draw);
        },
        Math.max(0, drawn + DRAW_EVERY_MS - performance.now()),
      );
    });
    const stopGap = events.onGap(() => void read(undefined));
    return () => {
      stopAudit();
      stopGap();
      window.clearTimeout(timer);
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [events, read]);

  return {
    feed,
    loading,
    error,
    more,
    readOlder: () => {
      setLoading(true);
      void read(feed.oldestSeq);
    },
    readAgain: () => {
      setLoading(true);
      void read(undefined);
    },
  };
}

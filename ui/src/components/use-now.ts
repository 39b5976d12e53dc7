import { useEffect, useState } from "react";

/** How old something is need not be told by the second: each time, the page is painted anew. */
const AGES_MS = 10_000;

/** The time, often enough for ages; a countdown says how often it counts. */
export function useNow(everyMs = AGES_MS): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return now;
}

import { useEffect, useState } from "react";

/** Longer, and a browser's timer would go off at once. */
const LONGEST_MS = 0x7fffffff;

/** Whether the time for an answer is over: what nobody tells any more may be long gone. */
export function useIsOver(expiresAt: string): boolean {
  const end = Date.parse(expiresAt);
  const [over, setOver] = useState<number>();
  useEffect(() => {
    const left = Math.min(Math.max(end - Date.now(), 0), LONGEST_MS);
    const timer = window.setTimeout(() => setOver(end), left);
    return () => window.clearTimeout(timer);
  }, [end]);
  return over === end;
}

import { useEffect, useState } from "react";

/**
 * False for a moment after `key` changes: a click that was meant for what was
 * there before must not hit what has just moved under the pointer.
 */
export function useSettled(key: string, ms: number): boolean {
  const [settled, setSettled] = useState<string>();
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(key), ms);
    return () => window.clearTimeout(timer);
  }, [key, ms]);
  return settled === key;
}

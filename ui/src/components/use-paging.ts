import { useState } from "react";

/** The first rows of a long list, more on request: thousands of rows at once would freeze the page. */
export function usePaging<T>(all: readonly T[], step: number): { shown: readonly T[]; left: number; more: () => void } {
  const [count, setCount] = useState(step);
  return { shown: all.slice(0, count), left: Math.max(0, all.length - count), more: () => setCount(count + step) };
}

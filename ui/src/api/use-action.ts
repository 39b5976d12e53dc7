import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { type ApiError, asApiError } from "./error";
import { keys } from "./queries";

export interface Action<A extends unknown[], T> {
  /** Resolves to undefined when it failed; `error` then says why. */
  run: (...args: A) => Promise<T | undefined>;
  pending: boolean;
  error: ApiError | undefined;
  clear: () => void;
}

/**
 * A change to the gateway. Unlike a mutation of the query library it keeps no
 * copy of its answer: some answers are tokens that are shown once.
 */
export function useAction<A extends unknown[], T>(act: (...args: A) => Promise<T>): Action<A, T> {
  const queries = useQueryClient();
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<ApiError>();

  const run = async (...args: A) => {
    setPending(true);
    setError(undefined);
    try {
      return await act(...args);
    } catch (thrown) {
      const failure = asApiError(thrown);
      if (failure.code === "sign_in") void queries.invalidateQueries({ queryKey: [keys.session] });
      setError(failure);
      return undefined;
    } finally {
      setPending(false);
    }
  };
  return { run, pending, error, clear: () => setError(undefined) };
}

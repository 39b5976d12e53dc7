import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { unwrap } from "../../../api/client";
import { useGateway } from "../../../api/gateway";
import type { Change, Simulation } from "../../../api/types";

const SINCE = "7d";
/** Edits come in runs; the last of one is what counts. */
const REST_MS = 400;

export interface Simulated {
  /** Of just these edits; `undefined` while it is not known. */
  simulation: Simulation | undefined;
  failed: boolean;
}

/** What a change would have done to past calls, asked by itself once the edits rest. */
export function useSimulation(change: Change | undefined): Simulated {
  const { client } = useGateway();
  const stamp = change === undefined ? undefined : JSON.stringify(change);
  const [rested, setRested] = useState<string>();
  useEffect(() => {
    const timer = window.setTimeout(() => setRested(stamp), REST_MS);
    return () => window.clearTimeout(timer);
  }, [stamp]);
  const asked = stamp !== undefined && rested === stamp;
  const query = useQuery({
    queryKey: ["simulations", SINCE, rested],
    queryFn: ({ signal }) => unwrap(client.POST("/api/v1/simulations", { body: { change: JSON.parse(rested ?? "{}") as Change, since: SINCE }, signal })),
    enabled: asked,
    staleTime: 0,
    gcTime: 0,
    retry: false,
    placeholderData: keepPreviousData,
  });
  const of = asked && !query.isPlaceholderData;
  return { simulation: of ? query.data : undefined, failed: of && query.isError };
}

/** Nothing of what was called would have come out otherwise, as far as the trail says. */
export function changesNothing({ simulation }: Simulated): boolean {
  return simulation !== undefined && simulation.flipped === 0 && simulation.unknown === 0;
}

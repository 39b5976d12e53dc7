import { useEffect, useMemo, useSyncExternalStore } from "react";

import { useEvents, useGateway } from "../../../api/gateway";
import type { TrailFilter } from "./filter";
import { TrailReader, type TrailState } from "./trail-reader";

export type Trail = TrailState & Pick<TrailReader, "readOlder" | "stop" | "readAgain" | "showWaiting">;

/** The records that match, for as long as they are looked at. `following`: new ones are shown as they come. */
export function useTrail(filter: TrailFilter, following: boolean): Trail {
  const { client } = useGateway();
  const events = useEvents();
  const stamp = JSON.stringify(filter);
  const reader = useMemo(() => new TrailReader(client, JSON.parse(stamp) as TrailFilter), [client, stamp]);
  const state = useSyncExternalStore(reader.subscribe, reader.snapshot);
  useEffect(() => reader.start(events), [reader, events]);
  useEffect(() => reader.follow(following), [reader, following]);
  const { readOlder, stop, readAgain, showWaiting } = reader;
  return { ...state, readOlder, stop, readAgain, showWaiting };
}

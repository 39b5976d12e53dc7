import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";

import { type EventFeed, openEvents } from "../api/events";
import { EventsProvider, useGateway } from "../api/gateway";

/** The one event stream, for as long as someone is signed in. */
export function Events({ children }: { children: ReactNode }) {
  const { host } = useGateway();
  const queries = useQueryClient();
  const [feed, setFeed] = useState<EventFeed>();
  useEffect(() => {
    const opened = openEvents(host, queries);
    setFeed(opened.feed);
    return opened.close;
  }, [host, queries]);
  return <EventsProvider value={feed}>{children}</EventsProvider>;
}

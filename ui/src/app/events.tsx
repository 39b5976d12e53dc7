import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";

import { createEvents } from "../api/events";
import { EventsProvider, useGateway } from "../api/gateway";

/** The one event stream, for as long as someone is signed in. */
export function Events({ children }: { children: ReactNode }) {
  const { host } = useGateway();
  const queries = useQueryClient();
  const [events] = useState(() => createEvents(host, queries));
  useEffect(() => events.connect(), [events]);
  return <EventsProvider value={events}>{children}</EventsProvider>;
}

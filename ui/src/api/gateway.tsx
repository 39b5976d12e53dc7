import { createContext, useContext } from "react";

import type { Host } from "../host";
import type { ApiClient } from "./client";
import type { EventFeed } from "./events";

interface Gateway {
  host: Host;
  client: ApiClient;
}

const GatewayContext = createContext<Gateway | undefined>(undefined);
const EventsContext = createContext<EventFeed | undefined>(undefined);

export const GatewayProvider = GatewayContext.Provider;
export const EventsProvider = EventsContext.Provider;

export function useGateway(): Gateway {
  const gateway = useContext(GatewayContext);
  if (gateway === undefined) throw new Error("useGateway needs a GatewayProvider");
  return gateway;
}

export function useEvents(): EventFeed {
  const events = useContext(EventsContext);
  if (events === undefined) throw new Error("useEvents needs an EventsProvider");
  return events;
}

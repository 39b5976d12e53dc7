import { createContext, useContext } from "react";

import type { Host } from "../host";
import type { ApiClient } from "./client";
import type { EventFeed } from "./events";

export interface Gateway {
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

/** Undefined until the stream is open. */
export function useEvents(): EventFeed | undefined {
  return useContext(EventsContext);
}

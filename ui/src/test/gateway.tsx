import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";

import { createApiClient } from "../api/client";
import { createEvents } from "../api/events";
import { EventsProvider, GatewayProvider } from "../api/gateway";
import type { Role } from "../api/types";
import { createQueryClient } from "../app/query-client";
import type { Host, StreamListener } from "../host";

export interface Seen {
  method: string;
  path: string;
  body: unknown;
}

export type Reply = { status?: number; body?: unknown; headers?: Record<string, string> };

/** A host whose gateway is a function of the request. Keeps what it was asked. */
export function fakeHost(answer: (request: Seen) => Reply | Promise<Reply>) {
  const seen: Seen[] = [];
  const listeners: StreamListener[] = [];
  const host: Host = {
    kind: "browser",
    baseUrl: "http://gateway.invalid",
    fetch: async (request) => {
      const url = new URL(request.url);
      const text = await request.text();
      const asked = { method: request.method, path: url.pathname + url.search, body: text === "" ? undefined : JSON.parse(text) };
      seen.push(asked);
      const { status = 200, body, headers = {} } = await answer(asked);
      return new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
    },
    subscribe: (listener) => {
      listeners.push(listener);
      return () => {};
    },
  };
  return { host, seen, listeners };
}

/** Answers who is signed in, and leaves the rest to `answer`. */
export function signedIn(role: Role, answer: (request: Seen) => Reply | Promise<Reply>) {
  return (request: Seen) => (request.path === "/api/v1/session" ? { body: { user: role === "admin" ? "root" : "ana", role, expires_at: "2030-01-01T00:00:00Z" } } : answer(request));
}

export function renderWith(host: Host, children: ReactNode) {
  const queries = createQueryClient();
  queries.setDefaultOptions({ queries: { ...queries.getDefaultOptions().queries, retry: false } });
  return render(
    <MantineProvider env="test">
      <QueryClientProvider client={queries}>
        <GatewayProvider value={{ host, client: createApiClient(host) }}>
          <EventsProvider value={createEvents(host, queries)}>{children}</EventsProvider>
        </GatewayProvider>
      </QueryClientProvider>
    </MantineProvider>,
  );
}

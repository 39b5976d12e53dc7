import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";

import type { Host, StreamListener } from "./host";

const ASK_QUIT = "ask-quit";

interface ApiReply {
  status: number;
  /** JSON, or empty. */
  body: string;
  /** Only what the page needs, such as `retry-after`. */
  headers?: Record<string, string>;
}

/** Never contacted: openapi-fetch wants an absolute address, and the shell reads only its path. */
const BASE_URL = "http://gateway.invalid";
const RETRY_MS = 2_000;

/** Statuses for which the Fetch standard forbids a body. */
const BODILESS = new Set([204, 205, 304]);

/** The desktop window: requests go through the shell, which holds the session. */
export function tauriHost(): Host {
  return {
    kind: "tauri",
    baseUrl: BASE_URL,
    fetch: relay,
    subscribe,
    shell: {
      start: () => invoke("start"),
      onAskQuit,
      askQuit: () => askers.forEach((ask) => ask()),
      quit: (stop) => invoke("quit", { stop }),
    },
  };
}

async function relay(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const reply = await invoke<ApiReply>("api", {
    request: { method: request.method, path: url.pathname + url.search, body: await request.text() },
  });
  return new Response(BODILESS.has(reply.status) ? null : reply.body, {
    status: reply.status,
    headers: { "content-type": "application/json", ...reply.headers },
  });
}

function subscribe(listener: StreamListener): () => void {
  let active = true;
  let timer: number | undefined;
  const channel = new Channel<string>();
  channel.onmessage = (json) => {
    if (active) listener.onMessage(json);
  };
  // Once taken, the shell reconnects by itself and says so with a `missed` event.
  const start = (again: boolean) => {
    invoke("subscribe", { channel }).then(
      () => active && listener.onOpen(again),
      () => {
        if (!active) return;
        listener.onDown();
        timer = window.setTimeout(() => start(true), RETRY_MS);
      },
    );
  };
  start(false);
  return () => {
    active = false;
    window.clearTimeout(timer);
  };
}

const askers = new Set<() => void>();

function onAskQuit(ask: () => void): () => void {
  let active = true;
  askers.add(ask);
  const registered = listen<unknown>(ASK_QUIT, ask);
  void registered.then(async () => {
    const missed = await invoke<string | null>("pending");
    if (active && missed === ASK_QUIT) ask();
  });
  return () => {
    active = false;
    askers.delete(ask);
    void registered.then((stop) => stop());
  };
}

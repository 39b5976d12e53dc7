import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { getCurrentWindow } from "@tauri-apps/api/window";

import type { Host, Prompt, PromptCard, Saved, Saving, StreamListener } from "./host";

/** What the shell may ask of the page, by event or, where it came too early, by `pending`. */
interface Ask {
  what: "quit" | "approvals" | "story";
  id?: string | null;
}

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

/** As the shell labels the prompt's window. */
const PROMPT = "prompt";

/** The desktop window: requests go through the shell, which holds the session. */
export function tauriHost(): Host {
  const common = { kind: "tauri", baseUrl: BASE_URL, fetch: relay, subscribe } as const;
  if (getCurrentWindow().label === PROMPT) return { ...common, prompt: createPrompt() };
  const asked = createAsked();
  return {
    ...common,
    shell: {
      start: () => invoke("start"),
      onAskQuit: (ask) => asked.on("quit", ask),
      onOpenApprovals: (open) => asked.on("approvals", ({ id }) => open(id ?? undefined)),
      onOpenStory: (open) => asked.on("story", ({ id }) => open(id ?? "")),
      askQuit: () => asked.hand({ what: "quit" }),
      quit: (stop) => invoke("quit", { stop }),
      preferences: {
        get: () => invoke("preferences"),
        set: (change) => invoke("set_preferences", { change }),
      },
      clients: {
        list: () => clients({ ask: "list" }),
        preview: (client) => clients({ ask: "preview", client }),
        previewUnwire: (client) => clients({ ask: "preview_unwire", client }),
        previewImport: (client, names) => clients({ ask: "preview_import", client, names }),
        wire: (client, digest, user) => clients({ ask: "wire", client, digest, user }),
        unwire: (client, digest, revoke) => clients({ ask: "unwire", client, digest, revoke }),
        import: (client, digest, names, user) => clients({ ask: "import", client, digest, names, user }),
        saveBundle: () => clients({ ask: "save_bundle" }),
        saveAuthority: () => clients({ ask: "save_authority" }),
        managed: (client) => clients({ ask: "managed", client }),
      },
      saveTrail,
    },
  };
}

function createPrompt(): Prompt {
  return {
    onCard: (show) => {
      let active = true;
      const hand = (card: PromptCard | null) => {
        if (active && card !== null) show(card);
      };
      // Asked for only when nothing can be missed any more.
      const listening = listen<PromptCard>("card", ({ payload }) => hand(payload));
      void listening.then(() => invoke<PromptCard | null>("prompt")).then(hand);
      return () => {
        active = false;
        void listening.then((stop) => stop());
      };
    },
    answer: (id, answer) => invoke("prompt_answer", { id, answer }),
    later: (id) => invoke("prompt_later", { id }),
    open: (id) => invoke("prompt_open", { id }),
    fit: (height) => invoke("prompt_fit", { height }),
  };
}

async function saveTrail(path: string, told: (saving: Saving) => void, signal: AbortSignal): Promise<Saved> {
  const channel = new Channel<Saving>();
  channel.onmessage = told;
  signal.addEventListener("abort", stopSaving);
  try {
    return await invoke<Saved>("save_trail", { path, channel });
  } finally {
    signal.removeEventListener("abort", stopSaving);
  }
}

function stopSaving(): void {
  void invoke("stop_saving");
}

function clients<T>(request: object): Promise<T> {
  return invoke<T>("clients", { request });
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

/**
 * One registration for all that may be asked: `pending` hands out what was
 * missed only once, and it waits here for whom it is meant.
 */
function createAsked() {
  const handlers: Record<Ask["what"], Set<(ask: Ask) => void>> = { quit: new Set(), approvals: new Set(), story: new Set() };
  let started = false;
  let missed: Ask | null = null;

  const hand = (ask: Ask) => {
    // A newer shell may ask for more.
    const known: Set<(ask: Ask) => void> | undefined = handlers[ask.what];
    known?.forEach((handle) => handle(ask));
  };
  const handMissed = () => {
    if (missed === null || !(handlers[missed.what]?.size > 0)) return;
    const ask = missed;
    missed = null;
    hand(ask);
  };
  const start = async () => {
    await listen<Ask>("ask", ({ payload }) => hand(payload));
    missed = await invoke<Ask | null>("pending");
    handMissed();
  };
  const on = (what: Ask["what"], handle: (ask: Ask) => void) => {
    handlers[what].add(handle);
    if (started) handMissed();
    else void start();
    started = true;
    return () => {
      handlers[what].delete(handle);
    };
  };
  return { on, hand };
}

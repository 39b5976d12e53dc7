import { Channel, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";

import type { Host, StreamListener } from "./host";

/** What the shell may ask of the page, by event or, where it came too early, by `pending`. */
const QUESTIONS = ["ask-quit", "approvals"] as const;
type Question = (typeof QUESTIONS)[number];

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
  const questions = createQuestions();
  return {
    kind: "tauri",
    baseUrl: BASE_URL,
    fetch: relay,
    subscribe,
    shell: {
      start: () => invoke("start"),
      onAskQuit: (ask) => questions.on("ask-quit", ask),
      onOpenApprovals: (open) => questions.on("approvals", open),
      askQuit: () => questions.fire("ask-quit"),
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

/**
 * One registration for all questions: `pending` hands out what was missed only
 * once, so it is asked once, when every kind is listened for.
 */
function createQuestions() {
  const handlers: Record<Question, Set<() => void>> = { "ask-quit": new Set(), approvals: new Set() };
  let started = false;
  let missed: string | null = null;

  const fire = (question: Question) => handlers[question].forEach((handle) => handle());
  const handMissed = () => {
    const question = QUESTIONS.find((known) => known === missed);
    if (question === undefined || handlers[question].size === 0) return;
    missed = null;
    fire(question);
  };
  const start = async () => {
    await Promise.all(QUESTIONS.map((question) => listen<unknown>(question, () => fire(question))));
    missed = await invoke<string | null>("pending");
    handMissed();
  };
  const on = (question: Question, handle: () => void) => {
    handlers[question].add(handle);
    if (started) handMissed();
    else void start();
    started = true;
    return () => {
      handlers[question].delete(handle);
    };
  };
  return { on, fire };
}

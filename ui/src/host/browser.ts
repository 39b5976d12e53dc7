import type { Host, StreamListener } from "./host";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;

/** The gateway's own origin: the session is an HttpOnly cookie that this code never sees. */
export function browserHost(): Host {
  return {
    kind: "browser",
    baseUrl: window.location.origin,
    fetch: (request) => fetch(request, { credentials: "same-origin", redirect: "error" }),
    subscribe,
  };
}

function subscribe(listener: StreamListener): () => void {
  let source: EventSource | undefined;
  let timer: number | undefined;
  let delay = FIRST_DELAY_MS;
  let lost = false;

  const open = () => {
    window.clearTimeout(timer);
    timer = undefined;
    const current = new EventSource("/api/v1/events", { withCredentials: true });
    source = current;
    current.onopen = () => {
      delay = FIRST_DELAY_MS;
      listener.onOpen(lost);
      lost = false;
    };
    current.onmessage = (message: MessageEvent<string>) => listener.onMessage(message.data);
    // EventSource gives up by itself on an HTTP error, so every retry is ours.
    current.onerror = () => {
      current.close();
      lost = true;
      listener.onDown();
      timer = window.setTimeout(open, delay * (0.75 + Math.random() / 2));
      delay = Math.min(delay * 2, LONGEST_DELAY_MS);
    };
  };
  const hurry = () => {
    if (timer === undefined) return;
    delay = FIRST_DELAY_MS;
    open();
  };

  // A page that the browser keeps for going back to would keep its connection, too, of which a browser opens six to one host.
  const leave = () => {
    window.clearTimeout(timer);
    timer = undefined;
    source?.close();
  };
  const comeBack = (event: PageTransitionEvent) => {
    if (!event.persisted) return;
    lost = true;
    open();
  };

  window.addEventListener("online", hurry);
  window.addEventListener("focus", hurry);
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", comeBack);
  open();
  return () => {
    window.removeEventListener("online", hurry);
    window.removeEventListener("focus", hurry);
    window.removeEventListener("pagehide", leave);
    window.removeEventListener("pageshow", comeBack);
    leave();
  };
}

import { beforeEach, describe, expect, it, vi } from "vitest";

import { browserHost } from "./browser";
import { tauriHost } from "./tauri";

const shell = vi.hoisted(() => ({
  invoke: vi.fn(),
  listen: vi.fn(),
  channels: [] as { onmessage: (json: string) => void }[],
  label: "main",
}));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: shell.invoke,
  Channel: class {
    onmessage = (_json: string) => {};
    constructor() {
      shell.channels.push(this);
    }
  },
}));
vi.mock("@tauri-apps/api/window", () => ({ getCurrentWindow: () => ({ label: shell.label }) }));
vi.mock("@tauri-apps/api/event", () => ({ listen: shell.listen }));

beforeEach(() => {
  shell.invoke.mockReset();
  shell.listen.mockReset().mockResolvedValue(() => {});
  shell.channels.length = 0;
});

describe("in the window", () => {
  const host = tauriHost();

  it("relays a request by path and gives the answer back as a response", async () => {
    shell.invoke.mockResolvedValue({ status: 429, body: '{"code":"too_many_attempts"}', headers: { "retry-after": "7" } });
    const answer = await host.fetch(new Request(`${host.baseUrl}/api/v1/audit?limit=5`, { method: "POST", body: '{"a":1}' }));
    expect(shell.invoke).toHaveBeenCalledWith("api", { request: { method: "POST", path: "/api/v1/audit?limit=5", body: '{"a":1}' } });
    expect(answer.status).toBe(429);
    expect(answer.headers.get("retry-after")).toBe("7");
    expect(await answer.json()).toEqual({ code: "too_many_attempts" });
  });

  it("takes an empty answer", async () => {
    shell.invoke.mockResolvedValue({ status: 204, body: "" });
    expect((await host.fetch(new Request(`${host.baseUrl}/api/v1/session`, { method: "DELETE" }))).status).toBe(204);
  });

  it("passes events on until told to stop", () => {
    shell.invoke.mockResolvedValue(undefined);
    const onMessage = vi.fn();
    const stop = host.subscribe({ onMessage, onOpen: vi.fn(), onDown: vi.fn() });
    shell.channels[0]?.onmessage('{"type":"missed","count":0}');
    stop();
    shell.channels[0]?.onmessage('{"type":"changed","what":"users"}');
    expect(onMessage.mock.calls).toEqual([['{"type":"missed","count":0}']]);
  });

  it("asks about quitting also when that was chosen before the page was ready", async () => {
    shell.invoke.mockImplementation(async (command: string) => (command === "pending" ? { what: "quit" } : undefined));
    const ask = vi.fn();
    host.shell?.onAskQuit(ask);
    await vi.waitFor(() => expect(ask).toHaveBeenCalledOnce());
    host.shell?.askQuit();
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it("opens what the tray asks for, also before the page was ready, and nothing else", async () => {
    shell.invoke.mockImplementation(async (command: string) => (command === "pending" ? { what: "approvals", id: "p1" } : undefined));
    const fresh = tauriHost();
    const ask = vi.fn();
    const open = vi.fn();
    const story = vi.fn();
    fresh.shell?.onAskQuit(ask);
    await vi.waitFor(() => expect(shell.invoke).toHaveBeenCalledWith("pending"));
    fresh.shell?.onOpenApprovals(open);
    fresh.shell?.onOpenStory(story);
    await vi.waitFor(() => expect(open).toHaveBeenCalledWith("p1"));
    const heard = shell.listen.mock.calls.find(([name]) => name === "ask")?.[1] as (event: { payload: unknown }) => void;
    heard({ payload: { what: "approvals", id: null } });
    heard({ payload: { what: "story", id: "c1" } });
    heard({ payload: { what: "of a newer shell" } });
    expect(open.mock.calls).toEqual([["p1"], [undefined]]);
    expect(story.mock.calls).toEqual([["c1"]]);
    expect(ask).not.toHaveBeenCalled();
    expect(shell.invoke.mock.calls.filter(([command]) => command === "pending")).toHaveLength(1);
  });

  it("reads and changes what was chosen of the shell", async () => {
    shell.invoke.mockResolvedValue({ autostart: true, notifications: true, promptWindow: "auto" });
    expect(await host.shell?.preferences.get()).toEqual({ autostart: true, notifications: true, promptWindow: "auto" });
    await host.shell?.preferences.set({ autostart: true });
    expect(shell.invoke.mock.calls).toEqual([["preferences"], ["set_preferences", { change: { autostart: true } }]]);
  });

  it("quits as it was told", async () => {
    await host.shell?.quit(true);
    expect(shell.invoke).toHaveBeenCalledWith("quit", { stop: true });
  });
});

it("has the shell save the trail, hears how far it is, and stops it", async () => {
  const host = tauriHost();
  const saved = { file: "/home/ana/Downloads/agw-audit.csv", bytes: 9, records: 1 };
  shell.invoke.mockResolvedValue(saved);
  const told = vi.fn();
  const stop = new AbortController();
  const saving = host.shell?.saveTrail("/api/v1/audit/export?format=csv", told, stop.signal);
  expect(shell.invoke).toHaveBeenLastCalledWith("save_trail", { path: "/api/v1/audit/export?format=csv", channel: expect.objectContaining({ onmessage: told }) });
  stop.abort();
  expect(shell.invoke).toHaveBeenLastCalledWith("stop_saving");
  expect(await saving).toEqual(saved);
  stop.abort();
});

describe("in the prompt", () => {
  it("has its own commands and no others, and asks for its card once it listens", async () => {
    shell.label = "prompt";
    const host = tauriHost();
    shell.label = "main";
    expect(host.shell).toBeUndefined();
    const first = { approval: { id: "p1" }, count: 2 };
    shell.invoke.mockResolvedValue(first);
    const show = vi.fn();
    const stop = host.prompt?.onCard(show);
    await vi.waitFor(() => expect(show).toHaveBeenCalledWith(first));
    expect(shell.listen.mock.invocationCallOrder[0]).toBeLessThan(shell.invoke.mock.invocationCallOrder[0] ?? 0);
    const heard = shell.listen.mock.calls[0]?.[1] as (event: { payload: unknown }) => void;
    heard({ payload: { approval: { id: "p2" }, count: 1 } });
    stop?.();
    heard({ payload: { approval: { id: "p3" }, count: 1 } });
    expect(show).toHaveBeenCalledTimes(2);
    await host.prompt?.answer("p2", "deny");
    expect(shell.invoke).toHaveBeenLastCalledWith("prompt_answer", { id: "p2", answer: "deny" });
  });
});

describe("in a browser", () => {
  class FakeSource {
    static all: FakeSource[] = [];
    onopen = () => {};
    onerror = () => {};
    onmessage = (_message: { data: string }) => {};
    close = vi.fn();
    constructor(readonly url: string) {
      FakeSource.all.push(this);
    }
  }

  it("opens the stream again with growing pauses, and says that events may be missing", () => {
    vi.useFakeTimers();
    vi.stubGlobal("EventSource", FakeSource);
    FakeSource.all = [];
    const onOpen = vi.fn();
    const onDown = vi.fn();
    const stop = browserHost().subscribe({ onMessage: vi.fn(), onOpen, onDown });
    FakeSource.all[0]?.onopen();
    FakeSource.all[0]?.onerror();
    expect(FakeSource.all[0]?.close).toHaveBeenCalled();
    vi.advanceTimersByTime(700);
    expect(FakeSource.all).toHaveLength(2);
    FakeSource.all[1]?.onerror();
    vi.advanceTimersByTime(700);
    expect(FakeSource.all).toHaveLength(2);
    window.dispatchEvent(new Event("online"));
    expect(FakeSource.all).toHaveLength(3);
    FakeSource.all[2]?.onopen();
    expect(onOpen.mock.calls).toEqual([[false], [true]]);
    expect(onDown).toHaveBeenCalledTimes(2);
    stop();
    FakeSource.all[2]?.onerror();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("sends the cookie to its own origin only, and keeps no token", async () => {
    const fetched = vi.spyOn(globalThis, "fetch").mockResolvedValue(new Response("{}"));
    await browserHost().fetch(new Request(`${window.location.origin}/api/v1/health`));
    expect(fetched.mock.calls[0]?.[1]).toEqual({ credentials: "same-origin", redirect: "error" });
  });
});

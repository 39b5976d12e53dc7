import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";

import type { AuditRecord, AuditSettings, AuditStatus, AuditTimeline, AuditVerification, Role } from "../../api/types";
import { fakeHost, type Reply, renderWith, type Seen, signedIn } from "../../test/gateway";
import { AuditView } from "./audit-view";
import type { AuditPart } from "./parts";
import { ExportDialog } from "./export-dialog";
import type { TrailFilter } from "./trail/filter";

const status: AuditStatus = {
  head: 42,
  first: 1,
  writable: true,
  durability: "by_effect",
  size: 5_000_000,
  key: "agw+1f2e+KEY",
  checkpoint: { size: 40, signed_at: new Date(Date.now() - 3_000).toISOString(), note: "agw\n40\nroot\n" },
  witnesses: [],
};
const settings: AuditSettings = { durability: "by_effect", receipts: false, bodies_days: 30, metrics: "off", version: 4 };
const rows: AuditRecord[] = [
  { seq: 42, kind: "outcome", call_id: "c9", time: new Date().toISOString(), user: "ana", agent: "claude", tool: "<b>gmail</b>.send", decision: "deny", reason: "not_granted", status: "denied" },
  { seq: 41, kind: "config", time: "2026-01-01T00:00:00Z", user: "root", status: "grant_added", detail: "g1 <script>" },
];

const timeline: AuditTimeline = {
  since: "2026-01-01T00:00:00.000Z",
  until: "2026-01-01T02:00:00.000Z",
  width_ms: 3_600_000,
  buckets: [
    { since: "2026-01-01T00:00:00.000Z", calls: 3, denied: 1, others: 2 },
    { since: "2026-01-01T01:00:00.000Z", calls: 0, denied: 0, others: 1 },
  ],
  next: null,
};

interface World {
  role?: Role;
  view?: AuditPart;
  filter?: TrailFilter;
  status?: Partial<AuditStatus>;
  records?: AuditRecord[];
  answer?: (request: Seen) => Reply | undefined;
}

function shown({ role = "admin", view = "trail", filter = {}, records = rows, answer = () => undefined, ...world }: World) {
  const fake = fakeHost(
    signedIn(role, (request) => {
      const own = answer(request);
      if (own) return own;
      const path = request.path.split("?")[0];
      if (path === "/api/v1/audit") return { body: { records } };
      if (path === "/api/v1/audit/timeline") return { body: timeline };
      if (path === "/api/v1/audit/verification") return { body: { state: "none", records: 0, of: 0 } };
      if (path === "/api/v1/audit/status") return { body: { ...status, ...world.status } };
      if (path === "/api/v1/audit/settings") return { body: settings };
      if (path === "/api/v1/health") return { body: { state: "enforcing", version: "1" } };
      return { body: [] };
    }),
  );
  const on = { onFilter: vi.fn(), onView: vi.fn(), onOpen: vi.fn() };
  renderWith(fake.host, <AuditView view={view} filter={filter} proofHref="#/proof" {...on} />);
  return { ...fake, ...on };
}
const stale = (now: AuditSettings) => ({ status: 409, body: { code: "stale", message: "Changed.", next: "Look.", current: now } });
const asked = (seen: readonly Seen[], method: string) => seen.filter((request) => request.method === method);

describe("the time chart", () => {
  it("counts what the filter finds, part after part, and narrows to what is chosen by keyboard", async () => {
    const part = { ...timeline, next: 7 };
    const { onFilter, seen } = shown({ filter: { user: "ana" }, answer: ({ path }) => (path.startsWith("/api/v1/audit/timeline") && !path.includes("before=7") ? { body: part } : undefined) });
    const chart = await screen.findByTestId("time-chart");
    expect(chart).toHaveTextContent("6 calls, 2 denied, 6 other records.");
    const counted = seen.filter(({ path }) => path.startsWith("/api/v1/audit/timeline")).map(({ path }) => path);
    expect(counted[0]).toContain("user=ana");
    expect(counted[1]).toContain("since=2026-01-01T00%3A00%3A00.000Z");
    const bars = [...chart.querySelectorAll<HTMLElement>(".histogram-bar")];
    bars.at(-1)?.focus();
    await userEvent.keyboard("{ArrowLeft}{Enter}");
    expect(onFilter).toHaveBeenCalledWith({ user: "ana", range: undefined, since: "2026-01-01T00:00:00.000Z", until: "2026-01-01T00:59:59.999Z" });
  });
});

describe("the trail verified here", () => {
  const path = "/api/v1/audit/verification";
  const begun = (done: AuditVerification) => shown({ view: "proof", answer: (request) => (request.path === path && request.method === "POST" ? { body: done } : undefined) });

  it("explains what holds and what it cannot tell", async () => {
    begun({ state: "holds", finished_at: "2026-01-01T00:00:00Z", records: 42, of: 42, report: { origin: "agw", first: 1, last: 42, records: 42, checkpoints: 3, words_erased: 0, open_calls: 0 } });
    await userEvent.click(await screen.findByTestId("verify-here"));
    const result = await screen.findByText("Nothing was changed");
    const told = result.closest("[data-testid=verify-result]");
    expect(told).toHaveTextContent("42 records, numbers 1 to 42, are exactly what was signed");
    expect(told).toHaveTextContent("What this cannot tell");
    // No witness is set in this trail.
    expect(told).toHaveTextContent("nobody outside keeps checkpoints");
  });

  it("says where it does not hold, as text, and what to do", async () => {
    begun({ state: "broken", finished_at: "2026-01-01T00:00:00Z", records: 40, of: 42, problem: "line 40 (record 40): <b>it</b> is another one" });
    await userEvent.click(await screen.findByTestId("verify-here"));
    expect(await screen.findByText("The trail is not what was signed")).toBeVisible();
    expect(screen.getByTestId("verify-result")).toHaveTextContent("Line 40 (record 40): <b>it</b> is another one");
    expect(screen.getByTestId("verify-result").querySelector("b")).toBeNull();
  });
});

describe("the trail", () => {
  it("draws what happened as text, and opens the story of a row", async () => {
    const { onOpen } = shown({});
    const [call, config] = await screen.findAllByTestId("audit-row");
    expect(call).toHaveTextContent("<b>gmail</b>.send");
    expect(call).toHaveTextContent("Nothing allows it");
    expect(config).toHaveTextContent("g1 <script>");
    expect(config).toHaveTextContent("Grant added");
    await userEvent.click(screen.getByRole("button", { name: "<b>gmail</b>.send" }));
    expect(onOpen).toHaveBeenCalledWith("c9");
  });

  it("moves from row to row with the arrows", async () => {
    shown({});
    const [first, second] = await screen.findAllByTestId("audit-row");
    first?.querySelector("button")?.focus();
    await userEvent.keyboard("{ArrowDown}");
    expect(second?.querySelector("button")).toHaveFocus();
    await userEvent.keyboard("{Home}");
    expect(first?.querySelector("button")).toHaveFocus();
  });

  it("asks for what the address says, and names it", async () => {
    const { seen, onFilter } = shown({ filter: { user: "ana", decision: "deny", text: "hello" } });
    await screen.findAllByTestId("audit-row");
    expect(seen.find(({ path }) => path.startsWith("/api/v1/audit?"))?.path).toBe("/api/v1/audit?user=ana&decision=deny&text=hello&limit=100");
    expect(screen.getByTestId("audit-chips")).toHaveTextContent("Decision: Deny");
    await userEvent.click(screen.getByRole("button", { name: "Remove the filter “Decision: Deny”" }));
    expect(onFilter).toHaveBeenLastCalledWith({ user: "ana", decision: undefined, text: "hello" });
    await userEvent.click(screen.getByTestId("audit-clear"));
    expect(onFilter).toHaveBeenLastCalledWith({});
  });

  it("waits for a word to be typed before it searches", async () => {
    const { onFilter } = shown({});
    await userEvent.type(await screen.findByTestId("audit-text"), "pay roll");
    expect(onFilter).not.toHaveBeenCalled();
    await waitFor(() => expect(onFilter).toHaveBeenCalledTimes(1));
    expect(onFilter).toHaveBeenCalledWith({ text: "pay roll" });
  });

  it("takes a custom time as the viewer's own", async () => {
    const { onFilter } = shown({ filter: { range: "week" } });
    await userEvent.click(await screen.findByText("From – to"));
    fireEvent.change(screen.getByTestId("audit-since"), { target: { value: "2026-11-20T14:00" } });
    expect(onFilter).toHaveBeenLastCalledWith({ range: undefined, since: new Date(2026, 10, 20, 14).toISOString() });
  });

  it("says what to do when there is nothing", async () => {
    shown({ records: [], filter: { user: "zoe" } });
    expect(await screen.findByText("No record matches")).toBeVisible();
  });

  it("shows a member their own and nothing to set", async () => {
    const { seen } = shown({ role: "member", view: "settings" });
    await screen.findAllByTestId("audit-row");
    await userEvent.click(screen.getByTestId("audit-more-filters"));
    expect(screen.queryByTestId("audit-view-settings")).toBeNull();
    expect(screen.queryByTestId("audit-user")).toBeNull();
    expect(screen.getByTestId("audit-tool")).toBeVisible();
    const paths = seen.map(({ path }) => path);
    expect(paths.filter((path) => /audit\/(?!timeline)|users|teams/.test(path))).toEqual([]);
  });
});

/** A gateway whose export comes in pieces, when it is told to. */
function exporting(onPath: (path: string) => void = () => {}) {
  let feed: ReadableStreamDefaultController<Uint8Array> | undefined;
  const { host } = fakeHost(signedIn("admin", () => ({ body: {} })));
  const fetch: typeof host.fetch = (request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname !== "/api/v1/audit/export") return host.fetch(request);
    onPath(pathname + search);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        feed = controller;
        request.signal.addEventListener("abort", () => controller.error(new DOMException("stopped", "AbortError")));
      },
    });
    return Promise.resolve(new Response(body, { headers: { "agw-export-records": "4" } }));
  };
  return { host: { ...host, fetch }, send: (text: string) => feed?.enqueue(new TextEncoder().encode(text)), end: () => feed?.close() };
}

describe("an export", () => {
  const line = '{"seq":1}\n';

  const clicked = vi.fn();
  beforeEach(() => {
    clicked.mockClear();
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      clicked(this.download);
    });
    Object.assign(URL, { createObjectURL: () => "blob:x", revokeObjectURL: () => {} });
  });

  it("says how far it is, and becomes a download once it is whole", async () => {
    const { host, send, end } = exporting();
    renderWith(host, <ExportDialog filter={{}} onClose={vi.fn()} />);
    await userEvent.click(await screen.findByTestId("export-save"));
    send(line + line);
    await waitFor(() => expect(screen.getByTestId("export-state")).toHaveTextContent("2 of 4 records"));
    expect(screen.getByRole("progressbar", { name: "How far the export is" })).toHaveAttribute("aria-valuenow", "50");
    expect(clicked).not.toHaveBeenCalled();
    send(line + line);
    end();
    await waitFor(() => expect(screen.getByTestId("export-state")).toHaveTextContent("Saved: 4 records, 40 bytes."));
    expect(clicked).toHaveBeenCalledWith("agw-audit.jsonl");
  });

  it("can be stopped, and leaves nothing", async () => {
    const { host, send } = exporting();
    renderWith(host, <ExportDialog filter={{}} onClose={vi.fn()} />);
    await userEvent.click(await screen.findByTestId("export-save"));
    send(line);
    await userEvent.click(await screen.findByTestId("export-stop"));
    await waitFor(() => expect(screen.getByTestId("export-state")).toHaveTextContent("Nothing was saved"));
    expect(clicked).not.toHaveBeenCalled();
  });

  it("asks for what the filters let through", async () => {
    const onPath = vi.fn();
    const { host, end } = exporting(onPath);
    renderWith(host, <ExportDialog filter={{ user: "ana" }} onClose={vi.fn()} />);
    await userEvent.click(await screen.findByTestId("export-tlog"));
    await userEvent.click(screen.getByTestId("export-save"));
    expect(onPath).toHaveBeenCalledWith("/api/v1/audit/export?format=tlog&user=ana");
    end();
  });

  it("gives a member no proof of the whole", async () => {
    shown({ role: "member" });
    await userEvent.click(await screen.findByTestId("audit-export"));
    expect(await screen.findByTestId("export-csv")).toBeVisible();
    expect(screen.queryByTestId("export-tlog")).toBeNull();
  });

  it("is written by the shell in the window, which says where", async () => {
    const { host } = fakeHost(signedIn("admin", () => ({ body: {} })));
    const saveTrail = vi.fn(async () => ({ file: "/home/ana/Downloads/agw-audit-2.csv", bytes: 12, records: 1 }));
    renderWith({ ...host, kind: "tauri", shell: { saveTrail } as unknown as NonNullable<typeof host.shell> }, <ExportDialog filter={{ tool: "gmail.send" }} onClose={vi.fn()} />);
    await userEvent.click(await screen.findByTestId("export-csv"));
    await userEvent.click(screen.getByTestId("export-save"));
    expect(await screen.findByText("/home/ana/Downloads/agw-audit-2.csv")).toBeVisible();
    expect(saveTrail).toHaveBeenCalledWith("/api/v1/audit/export?format=csv&tool=gmail.send", expect.any(Function), expect.any(AbortSignal));
  });
});

describe("the state", () => {
  it("says what it means that nobody outside has a checkpoint", async () => {
    shown({ view: "proof" });
    expect(await screen.findByTestId("audit-no-witness")).toHaveTextContent("nobody outside would know");
    expect(screen.getByTestId("audit-state")).toHaveTextContent("reads you confirmed within 50 ms");
    expect(screen.getByTestId("verify-command")).toHaveTextContent("agw audit verify agw-audit.tlog --key agw+1f2e+KEY");
  });

  it("says when records cannot be written, what was removed and which witness fails", async () => {
    shown({ view: "proof", status: { writable: false, first: 11, durability: "strict", witnesses: [{ place: "/mnt/w", size: 12, taken_at: null, error: "no such folder" }] } });
    const state = await screen.findByTestId("audit-state");
    expect(state).toHaveTextContent("Records cannot be written");
    expect(state).toHaveTextContent("10 older records were removed");
    expect(state).toHaveTextContent("every call is on disk before it is forwarded");
    expect(screen.getByTestId("audit-witness")).toHaveTextContent("no such folder");
  });

  const alarm = { found_at: "2026-11-20T12:00:00Z", message: "The database is older than a checkpoint.", next: "Find out who put it back." };

  it("takes an alarm away only after a second question", async () => {
    const { seen } = shown({ view: "proof", status: { alarm }, answer: ({ path }) => (path === "/api/v1/audit/acknowledge" ? { body: status } : undefined) });
    await userEvent.click(await screen.findByTestId("audit-acknowledge"));
    expect(asked(seen, "POST")).toEqual([]);
    await userEvent.click(await screen.findByTestId("confirm"));
    await waitFor(() => expect(screen.queryByTestId("audit-alarm")).toBeNull());
    expect(asked(seen, "POST").map(({ path }) => path)).toEqual(["/api/v1/audit/acknowledge"]);
  });

  it("lets an auditor see the alarm and leave it", async () => {
    shown({ role: "auditor", view: "proof", status: { alarm } });
    expect(await screen.findByTestId("audit-alarm")).toHaveTextContent("Find out who put it back.");
    expect(screen.queryByTestId("audit-acknowledge")).toBeNull();
  });
});

describe("the settings", () => {
  it("are replaced as a whole", async () => {
    const { seen } = shown({ view: "settings", answer: ({ method, body }) => (method === "PUT" ? { body: { ...(body as AuditSettings), version: 5 } } : undefined) });
    await userEvent.type(await screen.findByTestId("setting-witnessFolder"), "/mnt/w");
    await userEvent.click(screen.getByTestId("setting-receipts"));
    await userEvent.click(screen.getByTestId("settings-save"));
    expect(await screen.findByText("Saved.")).toBeVisible();
    expect(asked(seen, "PUT")[0]?.body).toEqual({ durability: "by_effect", receipts: true, bodies_days: 30, records_days: null, max_mib: null, witness_folder: "/mnt/w", witness_url: null, metrics: "off", version: 4 });
  });

  it.each([
    ["setting-recordsDays", "6", /whole number, at least 7/],
    ["setting-maxMib", "63", /whole number, at least 64/],
    ["setting-witnessFolder", "mnt/w", "Enter an absolute path"],
    ["setting-witnessUrl", "witness.example", /^Enter an address/],
  ])("refuse %s = %s before asking the gateway", async (field, typed, message) => {
    const { seen } = shown({ view: "settings" });
    await userEvent.type(await screen.findByTestId(field), typed);
    await userEvent.click(screen.getByTestId("settings-save"));
    expect(await screen.findByText(message)).toBeVisible();
    expect(asked(seen, "PUT")).toEqual([]);
  });

  it("ask before anything old goes for good", async () => {
    const { seen } = shown({ view: "settings", answer: ({ method, body }) => (method === "PUT" ? { body: { ...(body as AuditSettings), version: 5 } } : undefined) });
    await userEvent.type(await screen.findByTestId("setting-recordsDays"), "365");
    await userEvent.click(screen.getByTestId("settings-save"));
    expect(await screen.findByText(/Records \(days\): 365/)).toBeVisible();
    expect(asked(seen, "PUT")).toEqual([]);
    await userEvent.click(screen.getByTestId("confirm"));
    await waitFor(() => expect(asked(seen, "PUT")).toHaveLength(1));
  });

  it("show what somebody else saved, and lose nothing that was typed", async () => {
    let puts = 0;
    const { seen } = shown({
      view: "settings",
      answer: ({ method, body }) => {
        if (method !== "PUT") return undefined;
        puts += 1;
        return puts === 1 ? stale({ ...settings, bodies_days: 90, version: 6 }) : { body: { ...(body as AuditSettings), version: 7 } };
      },
    });
    await userEvent.type(await screen.findByTestId("setting-witnessFolder"), "/mnt/w");
    await userEvent.click(screen.getByTestId("settings-save"));
    const notice = await screen.findByTestId("stale");
    expect(notice).toHaveTextContent("90");
    expect(screen.getByTestId("setting-witnessFolder")).toHaveValue("/mnt/w");
    await userEvent.click(screen.getByTestId("stale-overwrite"));
    await waitFor(() => expect(screen.queryByTestId("stale")).toBeNull());
    expect(asked(seen, "PUT")[1]?.body).toMatchObject({ witness_folder: "/mnt/w", bodies_days: 30, version: 6 });
  });

  it("say why the gateway refuses what was confirmed, and ask anew the next time", async () => {
    shown({ view: "settings", answer: ({ method }) => (method === "PUT" ? { status: 422, body: { code: "invalid", message: "no such folder", next: "Make it." } } : undefined) });
    await userEvent.type(await screen.findByTestId("setting-recordsDays"), "365");
    await userEvent.click(screen.getByTestId("settings-save"));
    await userEvent.click(await screen.findByTestId("confirm"));
    expect(await screen.findByText("No such folder")).toBeVisible();
    await waitFor(() => expect(screen.queryByTestId("confirm")).toBeNull());
    expect(screen.getByTestId("setting-recordsDays")).toHaveValue("365");
  });

  it("can be taken as they are now", async () => {
    shown({ view: "settings", answer: ({ method }) => (method === "PUT" ? stale({ ...settings, bodies_days: 90, version: 6 }) : undefined) });
    await userEvent.type(await screen.findByTestId("setting-witnessFolder"), "/mnt/w");
    await userEvent.click(screen.getByTestId("settings-save"));
    await userEvent.click(await screen.findByTestId("stale-take"));
    expect(screen.getByTestId("setting-bodiesDays")).toHaveValue("90");
    expect(screen.getByTestId("setting-witnessFolder")).toHaveValue("");
  });

  it("are an auditor's to read only", async () => {
    shown({ role: "auditor", view: "settings", answer: ({ path }) => (path === "/api/v1/audit/forwards" ? { body: [{ name: "siem", kind: "syslog", target: "udp://x:514", sent: 1, behind: 3, error: "<b>gone</b>" }] } : undefined) });
    expect(await screen.findByTestId("setting-recordsDays")).toBeDisabled();
    expect(await screen.findByTestId("forward-siem")).toHaveTextContent("3 records behind");
    expect(screen.getByTestId("forward-siem")).toHaveTextContent("<b>gone</b>");
    for (const id of ["settings-save", "metrics-token", "forward-add", "forward-remove-siem", "erase"]) expect(screen.queryByTestId(id)).toBeNull();
  });

  it("show the metrics token once", async () => {
    shown({ view: "settings", answer: ({ path }) => (path === "/api/v1/audit/metrics-token" ? { status: 201, body: { token: "mt_secret" } } : undefined) });
    await userEvent.click(await screen.findByTestId("metrics-token"));
    await userEvent.click(await screen.findByTestId("confirm"));
    expect(await screen.findByTestId("metrics-secret")).toHaveTextContent("mt_secret");
    await userEvent.click(screen.getByTestId("metrics-done"));
    await waitFor(() => expect(screen.queryByText("mt_secret")).toBeNull());
  });

  it("send records on, and say what stays behind", async () => {
    const { seen } = shown({ view: "settings", answer: ({ method, path }) => (method === "POST" && path === "/api/v1/audit/forwards" ? { status: 201, body: {} } : undefined) });
    await userEvent.click(await screen.findByTestId("forward-add"));
    await userEvent.type(await screen.findByTestId("forward-name"), "siem");
    await userEvent.type(screen.getByTestId("forward-target"), "tcp://siem:601");
    await userEvent.click(screen.getByTestId("forward-from-start"));
    await userEvent.click(screen.getByTestId("forward-submit"));
    await waitFor(() => expect(asked(seen, "POST")[0]?.body).toEqual({ name: "siem", kind: "syslog", target: "tcp://siem:601", from_start: true }));
  });

  it("erase a person only after saying what goes and what stays", async () => {
    const { seen } = shown({ view: "settings", answer: ({ path }) => (path === "/api/v1/audit/erase" ? { body: { user: "u7", records: 3 } } : undefined) });
    await userEvent.type(await screen.findByTestId("erase-user"), " ana ");
    await userEvent.click(screen.getByTestId("erase"));
    expect(await screen.findByText(/Gone for good/)).toBeVisible();
    expect(screen.getByText(/^Stays/)).toBeVisible();
    expect(asked(seen, "POST")).toEqual([]);
    await userEvent.click(screen.getByTestId("confirm"));
    await waitFor(() => expect(screen.getByTestId("erase-done")).toHaveTextContent("calls the person u7 from now on; 3 records have lost"));
    expect(asked(seen, "POST")[0]?.body).toEqual({ user: "ana" });
  });
});

import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { Egress, OpenSession, Role } from "../../api/types";
import type { Host, ShellClients } from "../../host";
import { fakeHost, type Reply, renderWith, type Seen, signedIn } from "../../test/gateway";
import { Listening } from "./sections/listening";
import type { SettingsPart } from "./parts";
import { SettingsView } from "./settings-view";

const sessions: OpenSession[] = [
  { id: "aa", place: "window", browser: null, created_at: "2026-01-01T00:00:00Z", used_at: new Date().toISOString(), expires_at: "2026-01-01T12:00:00Z", current: true },
  { id: "bb", place: "browser", browser: "Firefox on Linux", created_at: "2026-01-01T00:00:00Z", used_at: null, expires_at: "2026-01-01T12:00:00Z", current: false },
];
const egress: Egress = {
  since: "2026-01-01T00:00:00Z",
  dropped: 0,
  entries: [
    { kind: "connection", name: "crm", protocol: "tcp", host: "crm.example", port: 443, address: "93.184.216.34", first: "2026-01-01T00:00:00Z", last: "2026-01-01T00:00:00Z", opened: 3, failed: 1, open: 2, sent: 2_048, received: 4_096, error: "<b>refused</b>" },
    { kind: "witness", name: null, protocol: "tcp", host: "::1", port: 80, address: "::1", first: "2026-01-01T00:00:00Z", last: "2026-01-01T00:00:00Z", opened: 1, failed: 0, open: 0, sent: 1, received: 1, error: null },
  ],
  programs: [{ connection: "files", command: "npx", running: true }],
};

interface World {
  part?: SettingsPart;
  role?: Role;
  answer?: (request: Seen) => Reply | undefined;
  shell?: Host["shell"];
}

function shown({ part, role = "admin", answer = () => undefined, shell }: World) {
  const fake = fakeHost(
    signedIn(role, (request) => {
      const own = answer(request);
      if (own) return own;
      if (request.path === "/api/v1/sessions") return { body: sessions };
      if (request.path === "/api/v1/egress") return { body: egress };
      if (request.path === "/api/v1/keychain") return { body: { home: "keychain", sealed: false, generation: 1, recovery_made_at: "2026-01-01T00:00:00Z" } };
      if (request.path === "/api/v1/status") return { body: { state: "enforcing", url: "http://127.0.0.1:7410", approvals: 0 } };
      if (request.path === "/api/v1/health") return { body: { state: "enforcing", version: "1" } };
      return { body: [] };
    }),
  );
  if (shell) fake.host.shell = shell;
  const onPart = vi.fn();
  renderWith(fake.host, <SettingsView part={part} onPart={onPart} sharing={<Listening />} connectionHref={(name) => `#/connections?open=${name}`} />);
  return { ...fake, onPart };
}

describe("settings", () => {
  it("are of the gateway for those who see all of it, and of oneself for a member", async () => {
    shown({ role: "member" });
    expect(await screen.findByText("Where you are signed in")).toBeVisible();
    expect(screen.queryByTestId("settings-egress")).toBeNull();
    expect(screen.queryByTestId("settings-keychain")).toBeNull();
  });

  it("say where the gateway listens and who can reach it", async () => {
    shown({ part: "sharing" });
    expect(await screen.findByTestId("listening-agents")).toHaveTextContent("http://127.0.0.1:7410/mcp");
    expect(screen.getByText(/programs on this machine only/)).toBeVisible();
  });

  it("show sessions, mark this one, and end one or all others", async () => {
    const { seen } = shown({ part: "sessions", answer: ({ method }) => (method === "DELETE" ? { status: 204 } : undefined) });
    const other = await screen.findByTestId("session-bb");
    expect(other).toHaveTextContent("Firefox on Linux");
    expect(screen.getByTestId("session-aa")).toHaveTextContent("This one");
    expect(within(screen.getByTestId("session-aa")).queryByRole("button")).toBeNull();
    await userEvent.click(within(other).getByRole("button"));
    await waitFor(() => expect(seen.some(({ method, path }) => method === "DELETE" && path === "/api/v1/sessions/bb")).toBe(true));
    await userEvent.click(screen.getByTestId("sessions-end-others"));
    await waitFor(() => expect(seen.some(({ method, path }) => method === "DELETE" && path === "/api/v1/sessions")).toBe(true));
  });

  it("make a recovery key for the password, and show it once", async () => {
    const { seen } = shown({ part: "keychain", answer: ({ path }) => (path === "/api/v1/recovery-key" ? { status: 201, body: { recovery_key: "ABCDEF-GHIJKL" } } : undefined) });
    await userEvent.click(await screen.findByTestId("recovery-new"));
    await userEvent.type(await screen.findByTestId("recovery-password"), "correct horse");
    await userEvent.click(screen.getByTestId("recovery-make"));
    expect(await screen.findByTestId("recovery-key")).toHaveTextContent("ABCDEF-GHIJKL");
    expect(seen.find(({ path }) => path === "/api/v1/recovery-key")?.body).toEqual({ password: "correct horse" });
    await userEvent.click(screen.getByTestId("recovery-done"));
    await waitFor(() => expect(screen.queryByTestId("recovery-key")).toBeNull());
    expect(window.localStorage.length + window.sessionStorage.length).toBe(0);
  });

  it("offer an auditor no new recovery key", async () => {
    shown({ part: "keychain", role: "auditor" });
    expect(await screen.findByTestId("recovery-made")).toBeVisible();
    expect(screen.queryByTestId("recovery-new")).toBeNull();
  });
});

describe("appearance", () => {
  afterEach(() => window.localStorage.clear());

  it("keeps how much contrast there is on this machine", async () => {
    shown({ part: "appearance" });
    await userEvent.click(within(await screen.findByTestId("appearance-contrast")).getByText("More"));
    expect(window.localStorage.getItem("agw-contrast")).toBe("more");
  });
});

describe("the desktop app's preferences", () => {
  it("belong to the desktop app in a browser", async () => {
    shown({ part: "desktop" });
    expect(await screen.findByText(/belong to the desktop app/)).toBeVisible();
  });

  it("are off until chosen, and shown as the machine has them", async () => {
    let kept = { autostart: false, notifications: true, promptWindow: "auto" as const };
    const preferences = {
      get: vi.fn(async () => kept),
      set: vi.fn(async (change: object) => (kept = { ...kept, ...change })),
    };
    const shell = { start: vi.fn(), onAskQuit: vi.fn(), onOpenApprovals: vi.fn(), onOpenStory: vi.fn(), clients: {} as ShellClients, askQuit: vi.fn(), quit: vi.fn(), saveTrail: vi.fn(), preferences };
    shown({ part: "desktop", shell });
    const autostart = await screen.findByTestId("desktop-autostart");
    expect(autostart).not.toBeChecked();
    await userEvent.click(autostart);
    expect(preferences.set).toHaveBeenCalledWith({ autostart: true });
    await waitFor(() => expect(screen.getByTestId("desktop-autostart")).toBeChecked());
  });
});

describe("diagnostics", () => {
  it("tell what was found and what to do, of the gateway and of each connection", async () => {
    shown({
      part: "diagnostics",
      answer: ({ path, method }) => {
        if (path === "/api/v1/doctor") return { body: { at: "2026-01-01T00:00:00Z", checks: [{ id: "disk", finding: "problem", said: "12 MiB are free.", next: "Free disk space." }] } };
        if (path === "/api/v1/connections") return { body: [{ id: "c1", name: "crm", transport: { kind: "http", url: "https://crm.example" }, health: "failed" }] };
        if (path === "/api/v1/connections/crm/doctor" && method === "POST") return { body: { at: "2026-01-01T00:00:00Z", checks: [{ id: "name", finding: "problem", said: "<i>crm.example</i> has no address.", next: "Check the spelling." }] } };
        return undefined;
      },
    });
    const disk = await screen.findByTestId("check-disk");
    expect(disk).toHaveTextContent("ProblemDisk12 MiB are free.Free disk space.");
    await userEvent.click(await screen.findByTestId("doctor-connections"));
    const name = await screen.findByTestId("check-name");
    expect(name).toHaveTextContent("<i>crm.example</i> has no address.");
    expect(name.querySelector("i")).toBeNull();
  });
});

describe("outgoing connections", () => {
  it("say to whom each belongs, and what is not seen", async () => {
    shown({ part: "egress" });
    const [crm, witness] = await screen.findAllByTestId("egress-line");
    expect(crm).toHaveTextContent("crmCalls and tools");
    expect(crm).toHaveTextContent("crm.example:443");
    expect(crm).toHaveTextContent("<b>refused</b>");
    expect(crm).toHaveTextContent("2 open");
    expect(witness).toHaveTextContent("Witness");
    expect(witness).toHaveTextContent("[::1]:80");
    expect(screen.getByTestId("egress-program-files")).toHaveTextContent("Its connections are not seen");
  });
});

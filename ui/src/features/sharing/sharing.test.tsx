import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import { fakeHost, renderWith, type Reply, type Seen, signedIn } from "../../test/gateway";
import { SharingSettings } from "./sharing-settings";

const OFF = { on: false, address: "0.0.0.0", port: 7411, names: [] as string[], certificate: { kind: "own" }, version: 0 };
const ON = { ...OFF, on: true, names: ["gw.lan"], version: 3 };
const AUTHORITY = { in_use: true, pem: "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n", fingerprint: "AB:CD", expires_at: "2036-01-01T00:00:00Z" };
const shared = (settings: typeof OFF, more: object = {}) => ({
  settings,
  state: settings.on ? "listening" : "off",
  problem: null,
  url: settings.on ? "https://gw.lan:7411" : null,
  certificate: settings.on ? { fingerprint: "12:34", expires_at: "2027-02-01T00:00:00Z" } : null,
  suggested: ["gw.lan", "192.168.1.20"],
  ...more,
});

function show(role: "admin" | "auditor", now: object, save: (request: Seen) => Reply = () => ({ status: 500 })) {
  const { host, seen } = fakeHost(
    signedIn(role, (request) => {
      if (request.path === "/api/v1/health") return { body: { state: "enforcing", version: "1" } };
      if (request.path === "/api/v1/sharing/authority") return { body: AUTHORITY };
      if (request.method === "PUT") return save(request);
      return { body: now };
    }),
  );
  renderWith(host, <SharingSettings />);
  return () => seen.filter((request) => request.method === "PUT").map((request) => request.body);
}

it("is switched on with a name that this machine seems to have", async () => {
  const puts = show("admin", shared(OFF), () => ({ body: shared({ ...OFF, on: true, names: ["gw.lan"], version: 1 }) }));
  expect(await screen.findByTestId("sharing-state")).toHaveAttribute("data-state", "off");
  await waitFor(() => expect(screen.getByTestId("sharing-on")).toBeEnabled());
  await userEvent.click(screen.getByTestId("sharing-on"));
  await userEvent.click(screen.getByTestId("sharing-save"));
  expect(await screen.findByText("Enter at least one name")).toBeVisible();
  expect(puts()).toEqual([]);
  await userEvent.click(screen.getByRole("button", { name: "Add gw.lan" }));
  await userEvent.click(screen.getByTestId("sharing-save"));
  await waitFor(() => expect(screen.getByTestId("sharing-state")).toHaveAttribute("data-state", "listening"));
  expect(puts()).toEqual([{ ...OFF, on: true, names: ["gw.lan"] }]);
  expect(screen.getByTestId("sharing-url")).toHaveTextContent("https://gw.lan:7411");
});

it("says what is in the way and keeps what was typed", async () => {
  show("admin", shared(ON), () => ({ status: 422, body: { code: "invalid", message: "port 443 is taken by another program", next: "correct it and try again" } }));
  const port = await screen.findByTestId("sharing-port");
  await waitFor(() => expect(port).toBeEnabled());
  await userEvent.clear(port);
  await userEvent.type(port, "443");
  await userEvent.click(screen.getByTestId("sharing-save"));
  expect(await screen.findByText(/Port 443 is taken/)).toBeVisible();
  expect(port).toHaveValue("443");
});

it("asks before others are cut off", async () => {
  const puts = show("admin", shared(ON), () => ({ body: shared({ ...ON, on: false, version: 4 }) }));
  await userEvent.click(await screen.findByTestId("sharing-on"));
  await userEvent.click(screen.getByTestId("sharing-save"));
  expect(puts()).toEqual([]);
  await userEvent.click(await screen.findByTestId("confirm"));
  await waitFor(() => expect(puts()).toEqual([{ ...ON, on: false }]));
});

it("shows both versions when somebody else changed it", async () => {
  const theirs = { ...ON, port: 8443, version: 9 };
  show("admin", shared(ON), () => ({ status: 409, body: { code: "stale", message: "changed", next: "look", current: theirs } }));
  const address = await screen.findByTestId("sharing-address");
  await waitFor(() => expect(address).toBeEnabled());
  await userEvent.clear(address);
  await userEvent.type(address, "10.0.0.1");
  await userEvent.click(screen.getByTestId("sharing-save"));
  expect(await screen.findByTestId("stale")).toHaveTextContent("8443");
  await userEvent.click(screen.getByTestId("stale-take"));
  await waitFor(() => expect(screen.getByTestId("sharing-port")).toHaveValue("8443"));
});

it("shows an auditor everything and lets them change nothing", async () => {
  show("auditor", shared(ON, { problem: "the certificate expired" }));
  expect(await screen.findByText("The certificate expired")).toBeVisible();
  expect(screen.queryByTestId("sharing-save")).toBeNull();
  expect(screen.getByTestId("sharing-port")).toBeDisabled();
  expect(await screen.findByTestId("authority-fingerprint")).toHaveTextContent("AB:CD");
  expect(screen.getByTestId("authority-download")).toHaveAttribute("href", expect.stringContaining("BEGIN%20CERTIFICATE"));
});

it("saves the certificate of the authority through the app, which cannot download", async () => {
  const { host } = fakeHost(signedIn("admin", (request) => ({ body: request.path === "/api/v1/sharing/authority" ? AUTHORITY : shared(ON) })));
  const saveAuthority = vi.fn(async () => ({ file: "/h/Downloads/ca.crt" }));
  renderWith({ ...host, kind: "tauri", shell: { clients: { saveAuthority } } as unknown as NonNullable<typeof host.shell> }, <SharingSettings />);
  await userEvent.click(await screen.findByTestId("authority-download"));
  expect(await screen.findByText("Saved /h/Downloads/ca.crt.")).toBeVisible();
});

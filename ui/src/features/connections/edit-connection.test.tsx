import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import type { Connection } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { EditConnection } from "./edit-connection";

const http: Connection = {
  id: "c1",
  name: "crm",
  transport: { kind: "http", url: "https://crm.example/mcp" },
  credentials: ["Authorization", "X-Team"],
  health: "ready",
  tools: 1,
  refused_tools: [],
  version: 3,
  created_at: "2026-01-01T00:00:00Z",
};
const local: Connection = { ...http, name: "files", transport: { kind: "stdio", argv: ["npx", "server", "/srv"] }, credentials: [] };

function show(connection: Connection, answer: () => { status?: number; body?: unknown } = () => ({ body: connection })) {
  const onClose = vi.fn();
  const { host, seen } = fakeHost(signedIn("admin", answer));
  renderWith(host, <EditConnection connection={connection} onClose={onClose} />);
  return { onClose, puts: () => seen.filter((request) => request.method === "PUT") };
}

it("replaces one secret in place, keeps another and removes none", async () => {
  const { onClose, puts } = show(http);
  expect(screen.getByTestId("edit-credential-value-0")).toHaveValue("");
  await userEvent.type(screen.getByTestId("edit-credential-value-0"), "Bearer new");
  await userEvent.click(screen.getByTestId("edit-save"));
  await waitFor(() => expect(onClose).toHaveBeenCalledOnce());
  expect(puts()[0]?.path).toBe("/api/v1/connections/crm");
  expect(puts()[0]?.body).toEqual({
    transport: http.transport,
    credentials: [
      { name: "Authorization", value: "Bearer new" },
      { name: "X-Team", value: null },
    ],
    version: 3,
  });
});

it("wants stored secrets again before they go to another host", async () => {
  const { puts } = show(http);
  await userEvent.clear(screen.getByTestId("edit-url"));
  await userEvent.type(screen.getByTestId("edit-url"), "https://elsewhere.example/mcp");
  await userEvent.click(screen.getByTestId("edit-save"));
  expect(await screen.findAllByText(/given for another command or host/)).toHaveLength(2);
  expect(puts()).toEqual([]);
  await userEvent.type(screen.getByTestId("edit-credential-value-0"), "again");
  await userEvent.click(screen.getByTestId("edit-credential-remove-1"));
  await userEvent.click(screen.getByTestId("edit-save"));
  await waitFor(() => expect(puts()[0]?.body).toMatchObject({ credentials: [{ name: "Authorization", value: "again" }] }));
});

it("shows another command whole before it is started", async () => {
  const { puts } = show(local);
  await userEvent.clear(screen.getByTestId("edit-arg-2"));
  await userEvent.type(screen.getByTestId("edit-arg-2"), "/home");
  await userEvent.click(screen.getByTestId("edit-save"));
  expect(await screen.findByText(/start exactly this program/)).toBeVisible();
  expect(puts()).toEqual([]);
  await userEvent.click(screen.getByTestId("edit-confirm"));
  await waitFor(() => expect(puts()[0]?.body).toMatchObject({ transport: { kind: "stdio", argv: ["npx", "server", "/home"] } }));
});

it("shows both when somebody was faster, and overwrites only what was seen", async () => {
  const now = { ...http, version: 4, transport: { kind: "http", url: "https://crm.example/v2" } };
  let first = true;
  const { puts } = show(http, () => {
    const stale = first;
    first = false;
    return stale ? { status: 409, body: { code: "stale", message: "changed", next: "look", current: now } } : { body: now };
  });
  await userEvent.click(screen.getByTestId("edit-save"));
  expect(await screen.findByTestId("stale")).toHaveTextContent("https://crm.example/v2");
  await userEvent.click(screen.getByTestId("stale-overwrite"));
  await waitFor(() => expect(puts()[1]?.body).toMatchObject({ version: 4 }));
});

import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { Grant, Tool, User } from "../../api/types";
import { fakeHost, renderWith } from "../../test/gateway";
import { GrantTable } from "./grant-table";

const created_at = "2026-01-01T00:00:00Z";
const user: User = { id: "u1", name: "ana", role: "member", can_sign_in: true, paused: false, teams: [], has_token: true, agents: 0, version: 1, created_at };
const tool: Tool = { id: "fs.read", mcp_name: "fs_read", connection: "fs", description: '<img src=x onerror="alert(1)">' };
const grant: Grant = { id: "g1", subject: "ana", tool: "fs.read", effect: "allow", version: 3, created_at };
const subject = { kind: "user", key: "ana", user } as const;

it("asks the gateway and does not move the choice before the gateway has it", async () => {
  const { host, seen } = fakeHost(({ method, path }) => {
    if (path.startsWith("/api/v1/tools")) return { body: [] };
    return method === "POST" ? { status: 201, body: { ...grant, version: 1 } } : { body: { state: "enforcing", version: "1" } };
  });
  renderWith(host, <GrantTable subject={subject} grants={[]} tools={[tool]} />);
  await userEvent.click(screen.getByTestId("grant-fs.read-allow"));
  await waitFor(() => expect(seen).toContainEqual({ method: "POST", path: "/api/v1/grants", body: { subject: "ana", tool: "fs.read", effect: "allow", version: 0 } }));
  // The grants that were passed in have not changed, so neither has the choice.
  expect(screen.getByTestId("grant-fs.read-none")).toBeChecked();
  expect(screen.getByTestId("grant-fs.read-allow")).not.toBeChecked();
});

it("shows both sides of a conflict, and overwrites only when told to", async () => {
  const current = { ...grant, effect: "deny", version: 4 };
  const { host, seen } = fakeHost(({ method, path }) => {
    if (method === "DELETE" && path.endsWith("version=3")) return { status: 409, body: { code: "stale", message: "It changed.", next: "Look.", current } };
    if (method === "DELETE") return { status: 204 };
    return { body: path.startsWith("/api/v1/tools") ? [] : { state: "enforcing", version: "1" } };
  });
  renderWith(host, <GrantTable subject={subject} grants={[grant]} tools={[tool]} />);
  await userEvent.click(screen.getByTestId("grant-fs.read-none"));
  expect(await screen.findByText(/remove “allow” of fs.read \(version 3\)/)).toBeVisible();
  expect(screen.getByText(/“deny” of fs.read \(version 4\)/)).toBeVisible();
  expect(seen.filter((request) => request.method === "DELETE")).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: "Remove it anyway" }));
  await waitFor(() => expect(seen.at(-1)?.path ?? "").toBeTruthy());
  expect(seen.map((request) => request.path)).toContain("/api/v1/grants/g1?version=4");
});

it("moves by arrow keys without changing anything", async () => {
  const { host, seen } = fakeHost(({ path }) => ({ body: path.startsWith("/api/v1/tools") ? [] : { state: "enforcing", version: "1" } }));
  renderWith(host, <GrantTable subject={subject} grants={[]} tools={[tool]} />);
  screen.getByTestId("grant-fs.read-none").focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}");
  expect(screen.getByTestId("grant-fs.read-deny")).toHaveFocus();
  expect(seen.every((request) => request.method === "GET")).toBe(true);
});

it("renders an upstream's description as text", () => {
  const { host } = fakeHost(() => ({ body: [] }));
  renderWith(host, <GrantTable subject={subject} grants={[]} tools={[tool]} />);
  expect(screen.getByText('<img src=x onerror="alert(1)">')).toBeVisible();
  expect(document.querySelector("img")).toBeNull();
});

import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { Grant, Tool, User } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { GrantTable } from "./grant-table";

const created_at = "2026-01-01T00:00:00Z";
const user: User = { id: "u1", name: "ana", role: "member", can_sign_in: true, paused: false, teams: [], has_token: true, agents: 0, version: 1, created_at };
const tool: Tool = { id: "fs.read", mcp_name: "fs_read", connection: "fs", description: '<img src=x onerror="alert(1)">' };
const grant: Grant = { id: "g1", subject: "ana", tool: "fs.read", effect: "allow", version: 3, created_at };
const subject = { kind: "user", key: "ana", user } as const;

it("asks the gateway and does not move the choice before the gateway has it", async () => {
  const { host, seen } = fakeHost(signedIn("admin", ({ method, path }) => {
    if (path.startsWith("/api/v1/tools")) return { body: [] };
    return method === "POST" ? { status: 201, body: { ...grant, version: 1 } } : { body: { state: "enforcing", version: "1" } };
  }));
  renderWith(host, <GrantTable subject={subject} grants={[]} tools={[tool]} />);
  await waitFor(() => expect(screen.getByTestId("grant-fs.read-allow")).toBeEnabled());
  await userEvent.click(screen.getByTestId("grant-fs.read-allow"));
  await waitFor(() => expect(seen).toContainEqual({ method: "POST", path: "/api/v1/grants", body: { subject: "ana", tool: "fs.read", effect: "allow", version: 0 } }));
  // The grants that were passed in have not changed, so neither has the choice.
  expect(screen.getByTestId("grant-fs.read-none")).toBeChecked();
  expect(screen.getByTestId("grant-fs.read-allow")).not.toBeChecked();
});

it("shows both sides of a conflict, and overwrites only when told to", async () => {
  const current = { ...grant, effect: "deny", version: 4 };
  const { host, seen } = fakeHost(signedIn("admin", ({ method, path }) => {
    if (method === "DELETE" && path.endsWith("version=3")) return { status: 409, body: { code: "stale", message: "It changed.", next: "Look.", current } };
    if (method === "DELETE") return { status: 204 };
    return { body: path.startsWith("/api/v1/tools") ? [] : { state: "enforcing", version: "1" } };
  }));
  renderWith(host, <GrantTable subject={subject} grants={[grant]} tools={[tool]} />);
  await waitFor(() => expect(screen.getByTestId("grant-fs.read-none")).toBeEnabled());
  await userEvent.click(screen.getByTestId("grant-fs.read-none"));
  expect(await screen.findByText(/remove “allow” of fs.read \(version 3\)/)).toBeVisible();
  expect(screen.getByText(/“deny” of fs.read \(version 4\)/)).toBeVisible();
  expect(seen.filter((request) => request.method === "DELETE")).toHaveLength(1);
  await userEvent.click(screen.getByRole("button", { name: "Remove it anyway" }));
  await waitFor(() => expect(seen.at(-1)?.path ?? "").toBeTruthy());
  expect(seen.map((request) => request.path)).toContain("/api/v1/grants/g1?version=4");
});

it("moves by arrow keys without changing anything", async () => {
  const { host, seen } = fakeHost(signedIn("admin", ({ path }) => ({ body: path.startsWith("/api/v1/tools") ? [] : { state: "enforcing", version: "1" } })));
  renderWith(host, <GrantTable subject={subject} grants={[]} tools={[tool]} />);
  await waitFor(() => expect(screen.getByTestId("grant-fs.read-none")).toBeEnabled());
  screen.getByTestId("grant-fs.read-none").focus();
  await userEvent.keyboard("{ArrowRight}{ArrowRight}{ArrowRight}");
  expect(screen.getByTestId("grant-fs.read-deny")).toHaveFocus();
  expect(seen.every((request) => request.method === "GET")).toBe(true);
});

it("renders an upstream's description as text", () => {
  const { host } = fakeHost(() => ({ body: [] }));
  renderWith(host, <GrantTable subject={subject} grants={[]} tools={[tool]} />);
  expect(screen.getByText('<img src=x onerror="alert(1)">')).toBeVisible();
  expect(document.querySelector("img")).toBeNull();
});

it("changes what an existing grant does and nothing else of it", async () => {
  const limited = { ...grant, rate: "10/min", expires_at: "2030-01-01T00:00:00Z" };
  const { host, seen } = fakeHost(
    signedIn("admin", ({ method, path }) => ({ body: method === "PUT" ? { ...limited, effect: "ask", version: 4 } : path.startsWith("/api/v1/tools") ? [] : { state: "enforcing", version: "1" } })),
  );
  renderWith(host, <GrantTable subject={subject} grants={[limited]} tools={[tool]} />);
  await waitFor(() => expect(screen.getByTestId("grant-fs.read-ask")).toBeEnabled());
  await userEvent.click(screen.getByTestId("grant-fs.read-ask"));
  const body = { subject: "ana", tool: "fs.read", effect: "ask", version: 3, expires: "2030-01-01T00:00:00Z", rate: "10/min" };
  await waitFor(() => expect(seen).toContainEqual({ method: "PUT", path: "/api/v1/grants/g1", body }));
});

it("lets nobody but an admin change anything", async () => {
  const { host } = fakeHost(signedIn("auditor", ({ path }) => ({ body: path.startsWith("/api/v1/tools") ? [tool] : { state: "enforcing", version: "1" } })));
  renderWith(host, <GrantTable subject={subject} grants={[grant]} tools={[tool]} />);
  expect(await screen.findByText(/only an admin changes grants/)).toBeVisible();
  expect(screen.getByTestId("grant-fs.read-deny")).toBeDisabled();
  expect(screen.queryByTestId("details-fs.read")).toBeNull();
});

it("draws a part of thousands of tools", () => {
  const { host } = fakeHost(signedIn("admin", () => ({ body: [] })));
  const many = Array.from({ length: 5_000 }, (_, index) => ({ ...tool, id: `fs.tool_${index}` }));
  renderWith(host, <GrantTable subject={subject} grants={[]} tools={many} />);
  expect(screen.getAllByTestId(/^grant-row-/)).toHaveLength(100);
  expect(screen.getByRole("button", { name: "Show more (4,900 left)" })).toBeVisible();
});

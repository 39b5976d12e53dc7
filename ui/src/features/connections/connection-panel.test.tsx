import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { ConnectionDetail, Tool } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { ConnectionPanel } from "./connection-panel";

const connection: ConnectionDetail = {
  id: "c1",
  name: "docs",
  transport: { kind: "http", url: "http://docs.invalid/mcp" },
  credentials: [],
  health: "ready",
  tools: 1,
  prompts: 1,
  resources: 61,
  refused_tools: [],
  version: 1,
  created_at: "2026-01-01T00:00:00Z",
  starts: 1,
};
const slots = { Access: ({ tool }: { tool: Tool }) => <p>who may use {tool.id}</p>, Review: ({ tool }: { tool: string }) => <p>review of {tool}</p> };
const offered = (name: string, kind: NonNullable<Tool["kind"]>): Tool => ({ id: `docs.${name}`, kind, grant_as: `docs.${name}`, mcp_name: name, connection: "docs", description: "" });
const tools = [
  offered("search", "tool"),
  offered("@prompt/<b>review</b>", "prompt"),
  ...Array.from({ length: 60 }, (_, index) => offered(`@resource/note:///${index}`, "resource")),
  offered("@resource/note:///{id}", "template"),
];

it("groups what a connection offers by kind, and draws a part of many", async () => {
  const { host } = fakeHost(
    signedIn("admin", ({ method, path }) => {
      if (method === "POST") return { body: { ok: true, tools: 1, prompts: 1, resources: 61, duration_ms: 5 } };
      if (path === "/api/v1/tools") return { body: tools };
      if (path.includes("/logs")) return { body: [] };
      return { body: path.startsWith("/api/v1/connections/") ? connection : { state: "enforcing", version: "1" } };
    }),
  );
  renderWith(host, <ConnectionPanel name="docs" onGone={() => {}} {...slots} />);
  const resources = await screen.findByRole("region", { name: "Resources" });
  expect(within(screen.getByRole("region", { name: "Tools" })).getAllByTestId(/^tool-/)).toHaveLength(1);
  expect(within(screen.getByRole("region", { name: "Prompts" })).getByText("docs.@prompt/<b>review</b>")).toBeVisible();
  expect(within(resources).getAllByTestId(/^tool-/)).toHaveLength(25);
  await userEvent.click(within(resources).getByRole("button", { name: "Show more (36 left)" }));
  expect(within(resources).getAllByTestId(/^tool-/)).toHaveLength(50);
  await userEvent.click(screen.getByTestId("connection-test"));
  expect(await screen.findByText(/It works: 1 tool, 1 prompt, 61 resources in/)).toBeVisible();
});

it("says of each tool what it does, who may use it, and opens the difference of one that changed", async () => {
  const one: Tool = { ...offered("wipe", "tool"), suggested_effect: "destructive", granted: true, changed: true };
  const { host } = fakeHost(
    signedIn("auditor", ({ path }) => {
      if (path === "/api/v1/tools") return { body: [one] };
      return { body: path.includes("/logs") ? [] : path.startsWith("/api/v1/connections/") ? connection : { state: "enforcing", version: "1" } };
    }),
  );
  renderWith(host, <ConnectionPanel name="docs" onGone={() => {}} {...slots} />);
  const tool = await screen.findByTestId("tool-docs.wipe");
  expect(tool).toHaveTextContent(/Destroys.*says itself|destroys.*says itself/i);
  expect(tool).toHaveTextContent("Granted");
  await userEvent.click(within(tool).getByText("docs.wipe"));
  expect(await screen.findByText("who may use docs.wipe")).toBeVisible();
  await userEvent.click(screen.getByTestId("review-docs.wipe"));
  expect(screen.getByText("review of docs.wipe")).toBeVisible();
  // An auditor looks, and changes nothing.
  expect(screen.queryByTestId("connection-restart")).toBeNull();
});

it("shows since when it is so, what was wrong last, and what it wrote, as text", async () => {
  const failed = { ...connection, health: "failed", health_since: new Date(Date.now() - 120_000).toISOString(), last_error: { problem: "it ended: <b>7</b>", at: new Date(Date.now() - 60_000).toISOString() } };
  const lines = [
    { number: 1, at: "2026-11-23T10:00:00Z", source: "gateway", text: "starting" },
    { number: 2, at: "2026-11-23T10:00:01Z", source: "stderr", text: "boom <img src=x onerror=alert(1)>\u202e" },
  ];
  const { host } = fakeHost(
    signedIn("admin", ({ path }) => {
      if (path === "/api/v1/tools") return { body: [] };
      return { body: path.includes("/logs") ? lines : path.startsWith("/api/v1/connections/") ? failed : { state: "enforcing", version: "1" } };
    }),
  );
  renderWith(host, <ConnectionPanel name="docs" onGone={() => {}} {...slots} />);
  expect(await screen.findByText(/^since .*\d\d:\d\d:\d\d$/)).toBeVisible();
  expect(screen.getByText("1 min ago")).toBeVisible();
  expect(screen.getByText("it ended: <b>7</b>")).toBeVisible();
  const log = await screen.findByTestId("connection-logs");
  expect(within(log).getAllByRole("listitem")).toHaveLength(2);
  expect(log).toHaveTextContent("boom <img src=x onerror=alert(1)>U+202E");
  expect(document.querySelector("img")).toBeNull();
});

it("starts it anew and says what came of it", async () => {
  const { host, seen } = fakeHost(
    signedIn("admin", ({ method, path }) => {
      if (method === "POST") return { body: { ok: false, tools: 0, problem: "it ended at once", duration_ms: 20 } };
      if (path === "/api/v1/tools") return { body: [] };
      return { body: path.includes("/logs") ? [] : path.startsWith("/api/v1/connections/") ? connection : { state: "enforcing", version: "1" } };
    }),
  );
  renderWith(host, <ConnectionPanel name="docs" onGone={() => {}} {...slots} />);
  await userEvent.click(await screen.findByTestId("connection-restart"));
  expect(await screen.findByText("it ended at once")).toBeVisible();
  expect(seen.find((request) => request.method === "POST")?.path).toBe("/api/v1/connections/docs/restart");
});

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
  stderr: [],
  starts: 1,
};
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
      return { body: path.startsWith("/api/v1/connections/") ? connection : { state: "enforcing", version: "1" } };
    }),
  );
  renderWith(host, <ConnectionPanel name="docs" onGone={() => {}} />);
  const resources = await screen.findByRole("region", { name: "Resources" });
  expect(within(screen.getByRole("region", { name: "Tools" })).getAllByTestId(/^tool-/)).toHaveLength(1);
  expect(within(screen.getByRole("region", { name: "Prompts" })).getByText("docs.@prompt/<b>review</b>")).toBeVisible();
  expect(within(resources).getAllByTestId(/^tool-/)).toHaveLength(25);
  await userEvent.click(within(resources).getByRole("button", { name: "Show more (36 left)" }));
  expect(within(resources).getAllByTestId(/^tool-/)).toHaveLength(50);
  await userEvent.click(screen.getByTestId("connection-test"));
  expect(await screen.findByText(/It works: 1 tool, 1 prompt, 61 resources in/)).toBeVisible();
});

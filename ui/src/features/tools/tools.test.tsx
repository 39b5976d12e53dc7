import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import type { Tool } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { ToolsView } from "./tools-view";

const tool: Tool = {
  id: "fs.read/all",
  mcp_name: "fs_read",
  connection: "fs",
  description: "<b>Reads</b>",
  effect: null,
  suggested_effect: "read",
  effect_version: 0,
  first_seen_at: new Date().toISOString(),
  granted: false,
};
const view = <ToolsView find={undefined} kind="all" show="all" onFilter={() => {}} />;

it("offers what a tool's server says, and believes it only once an admin confirms it", async () => {
  const { host, seen } = fakeHost(signedIn("admin", ({ method, path }) => ({ body: method === "PUT" ? { ...tool, effect: "read" } : path.startsWith("/api/v1/tools") ? [tool] : { state: "enforcing", version: "1" } })));
  renderWith(host, view);
  expect(await screen.findByText("<b>Reads</b>")).toBeVisible();
  const confirm = await screen.findByTestId("confirm-fs.read/all");
  expect(screen.getByTestId("effect-fs.read/all")).toHaveValue("none");
  await userEvent.click(confirm);
  await waitFor(() => expect(seen).toContainEqual({ method: "PUT", path: "/api/v1/tools/fs.read%2Fall/effect", body: { effect: "read", version: 0 } }));
  // What was listed has not changed, so neither has the choice.
  expect(screen.getByTestId("effect-fs.read/all")).toHaveValue("none");
});

it("says who was faster", async () => {
  const stale = { status: 409, body: { code: "stale", message: "Changed.", next: "Look.", current: { ...tool, effect: "destructive" } } };
  const { host } = fakeHost(signedIn("admin", ({ method, path }) => (method === "PUT" ? stale : { body: path.startsWith("/api/v1/tools") ? [tool] : { state: "enforcing", version: "1" } })));
  renderWith(host, view);
  await userEvent.click(await screen.findByTestId("confirm-fs.read/all"));
  expect(await screen.findByText(/Somebody else set it to “Destroys” meanwhile/)).toBeVisible();
});

it("lets others look, and draws a part of thousands", async () => {
  const many = Array.from({ length: 5_000 }, (_, index) => ({ ...tool, id: `fs.t${index}` }));
  const { host } = fakeHost(signedIn("auditor", ({ path }) => ({ body: path.startsWith("/api/v1/tools") ? many : { state: "enforcing", version: "1" } })));
  renderWith(host, view);
  expect(await screen.findAllByTestId(/^tool-row-/)).toHaveLength(100);
  expect(screen.queryByTestId(/^effect-/)).toBeNull();
  expect(screen.getByText("5,000 tools")).toBeVisible();
});

const others: Tool[] = [
  { ...tool, id: "docs.@prompt/Code review", kind: "prompt", grant_as: "docs.@prompt/Code review", connection: "docs", effect: "read", suggested_effect: null },
  { ...tool, id: "docs.@resource/file:///a?b=%20", kind: "resource", grant_as: "docs.@resource/file:///a?b=%20", connection: "docs", effect: "read", suggested_effect: null },
  { ...tool, id: "docs.@resource/note:///{id}", kind: "template", grant_as: "docs.@resource/note:///*", connection: "docs", effect: "read", suggested_effect: null },
];
const mixed = () => fakeHost(signedIn("admin", ({ path }) => ({ body: path.startsWith("/api/v1/tools") ? [tool, ...others] : { state: "enforcing", version: "1" } })));

it("says what is no tool, and lets nobody say what that does", async () => {
  renderWith(mixed().host, view);
  await screen.findByTestId("effect-fs.read/all");
  expect(screen.getAllByTestId(/^effect-/)).toHaveLength(1);
  for (const [id, kind, does] of [
    ["docs.@prompt/Code review", "Prompt", "Reads, as every prompt"],
    ["docs.@resource/file:///a?b=%20", "Resource", "Reads, as every resource"],
    ["docs.@resource/note:///{id}", "Template", "Reads, as every resource"],
  ] as const) {
    const row = within(screen.getByTestId(`tool-row-${id}`));
    expect(row.getByText(kind)).toBeVisible();
    expect(row.getByText(does)).toBeVisible();
  }
  expect(screen.getByText("1 tool, 1 prompt, 2 resources")).toBeVisible();
});

it("filters by kind, templates among the resources", async () => {
  const onFilter = vi.fn();
  renderWith(mixed().host, <ToolsView find={undefined} kind="resource" show="all" onFilter={onFilter} />);
  await screen.findByTestId("tool-row-docs.@resource/note:///{id}");
  expect(screen.getAllByTestId(/^tool-row-/)).toHaveLength(2);
  await userEvent.click(within(screen.getByTestId("tools-kind")).getByText("Prompts"));
  expect(onFilter).toHaveBeenCalledWith({ find: undefined, show: "all", kind: "prompt" });
});

it("offers no choice of kinds where there are only tools", async () => {
  const { host } = fakeHost(signedIn("admin", ({ path }) => ({ body: path.startsWith("/api/v1/tools") ? [tool] : { state: "enforcing", version: "1" } })));
  renderWith(host, view);
  await screen.findByTestId("tool-row-fs.read/all");
  expect(screen.queryByTestId("tools-kind")).toBeNull();
});

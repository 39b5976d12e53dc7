import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import type { Role, Tool, ToolReview } from "../../../api/types";
import { fakeHost, type Reply, renderWith, signedIn } from "../../../test/gateway";
import { ToolsView } from "../tools-view";
import { ReviewDialog } from "./review-dialog";

const text = (description: string) => JSON.stringify({ description, inputSchema: { type: "object" }, name: "read" });
const review: ToolReview = {
  id: "fs.read",
  changed: true,
  changed_at: "2026-11-23T10:00:00Z",
  pinned: { hash: "aaaaaaaaaaaa", definition: text("Reads a file."), pinned_at: "2026-11-22T10:00:00Z" },
  current: { hash: "bbbbbbbbbbbb", definition: text("Reads a file.<img src=x>\u202e") },
};

function shown(role: Role, answer: (count: number) => ToolReview = () => review, accept: Reply = { body: {} }) {
  const onClose = vi.fn();
  let count = 0;
  const fake = fakeHost(signedIn(role, ({ method, path }) => (method === "POST" ? accept : { body: path.endsWith("/review") ? answer((count += 1)) : { state: "enforcing", version: "1" } })));
  renderWith(fake.host, <ReviewDialog tool="fs.read" onClose={onClose} />);
  return { ...fake, onClose };
}

it("shows both definitions as text, and what differs", async () => {
  shown("admin");
  const lines = await screen.findByTestId("definition-lines");
  const [before, after] = within(within(lines).getByRole("img", { name: "Removed" }).closest("tr") as HTMLElement).getAllByRole("cell");
  expect(before).toHaveTextContent('"description": "Reads a file."');
  // Markup stays text, and what turns text around is made visible.
  expect(after).toHaveTextContent('"description": "Reads a file.<img src=x>U+202E"');
  expect(lines.querySelector("img[src]")).toBeNull();
  expect([...lines.querySelectorAll("mark")].map((mark) => mark.textContent)).toEqual(["<img src=x>U+202E"]);
  expect(screen.getByText("bbbbbbbbbbbb")).toBeVisible();
});

it("accepts just the definition that is shown", async () => {
  const { seen, onClose } = shown("admin");
  await userEvent.click(await screen.findByTestId("review-accept"));
  await waitFor(() => expect(onClose).toHaveBeenCalled());
  expect(seen.filter(({ method }) => method === "POST")).toEqual([{ method: "POST", path: "/api/v1/tools/fs.read/accept", body: { hash: "bbbbbbbbbbbb" } }]);
});

it("accepts nothing when it changed once more meanwhile", async () => {
  const third = { ...review, current: { hash: "cccccccccccc", definition: text("Deletes a file.") } };
  const stale = { status: 409, body: { code: "stale", message: "Another.", next: "Look.", current: third } };
  const { onClose } = shown("admin", (count) => (count === 1 ? review : third), stale);
  await userEvent.click(await screen.findByTestId("review-accept"));
  expect(await screen.findByTestId("review-outdated")).toBeVisible();
  expect(onClose).not.toHaveBeenCalled();
  // What was read stays until the person asks for the new one.
  expect(screen.getByText("bbbbbbbbbbbb")).toBeVisible();
  expect(screen.getByTestId("review-accept")).toBeDisabled();
  await userEvent.click(screen.getByTestId("review-now"));
  expect(await screen.findByText("cccccccccccc")).toBeVisible();
  expect(screen.getByTestId("definition-lines")).toHaveTextContent("Deletes a file.");
  expect(screen.getByTestId("review-accept")).toBeEnabled();
});

it("says when it went back by itself", async () => {
  shown("admin", () => ({ ...review, changed: false }));
  expect(await screen.findByText("Its definition is the one that was granted.")).toBeVisible();
  expect(screen.queryByTestId("review-accept")).toBeNull();
});

it("lets an auditor look only", async () => {
  shown("auditor");
  expect(await screen.findByText("You may look; only an admin accepts it.")).toBeVisible();
  expect(screen.queryByTestId("review-accept")).toBeNull();
});

const long = (description: string) => JSON.stringify({ description, inputSchema: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`a${n}`, n])) });

it("leaves out lines that did not change, and says so", async () => {
  shown("admin", () => ({ ...review, pinned: { hash: "a", pinned_at: "", definition: long("x") }, current: { hash: "b", definition: long("y") } }));
  expect(await screen.findByText(/^4\d lines that did not change$/)).toBeVisible();
  expect(screen.queryByText(/"a39": 39/)).toBeNull();
  await userEvent.click(screen.getByTestId("definition-whole"));
  expect(screen.getAllByText(/"a39": 39/)).toHaveLength(2);
});

it("marks a changed tool in the list and opens its review", async () => {
  const tool: Tool = { id: "fs.read", mcp_name: "fs__read", connection: "fs", description: "", changed: true, granted: true };
  const body = (path: string) => (path.endsWith("/review") ? review : path.startsWith("/api/v1/tools") ? [tool, { ...tool, id: "fs.write", changed: false }] : { state: "enforcing", version: "1" });
  const { host } = fakeHost(signedIn("admin", ({ path }) => ({ body: body(path) })));
  renderWith(host, <ToolsView find={undefined} kind="all" show="changed" onFilter={() => {}} />);
  expect(await screen.findByText("Changed: kept back")).toBeVisible();
  expect(screen.queryByTestId("tool-row-fs.write")).toBeNull();
  await userEvent.click(screen.getByTestId("review-fs.read"));
  expect(await screen.findByTestId("definition-lines")).toBeVisible();
});

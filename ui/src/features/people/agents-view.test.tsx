import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { Agent } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { AgentsView } from "./agents-view";

const LONG_AGO = "2020-01-01T00:00:00Z";
const agent = (user: string, name: string, more: Partial<Agent> = {}): Agent => ({
  id: `${user} ${name}`,
  user,
  name,
  scope: [],
  uses: 1,
  forwarded: 1,
  client_timeout_seconds: 60,
  paused: false,
  version: 2,
  created_at: LONG_AGO,
  last_used_at: new Date().toISOString(),
  ...more,
});
const agents = [agent("ana", "claude"), agent("bo", "old", { last_used_at: LONG_AGO }), agent("bo", "done", { max_uses: 1 }), agent("bo", "held", { paused: true })];

const names = () => screen.getAllByTestId(/^agent-/).map((row) => row.dataset.testid);

function show(find = "") {
  const fake = fakeHost(signedIn("admin", ({ method, path }) => (method === "DELETE" ? { status: 204 } : { body: path.startsWith("/api/v1/agents") ? agents : { state: "enforcing", version: "1" } })));
  renderWith(fake.host, <AgentsView find={find} onFind={() => {}} grantsHref={() => "#"} />);
  return fake;
}

it.each([
  ["All", ["agent-ana-claude", "agent-bo-old", "agent-bo-done", "agent-bo-held"]],
  ["Not used for 30 days", ["agent-bo-old"]],
  ["Expired or used up", ["agent-bo-done"]],
  ["Paused", ["agent-bo-held"]],
])("lists everybody's agents: %s", async (kind, expected) => {
  show();
  await waitFor(() => expect(names()).toHaveLength(4));
  await userEvent.click(screen.getByRole("radio", { name: kind }));
  expect(names()).toEqual(expected);
});

it("finds them by their owner, and revokes the one that was seen", async () => {
  const { seen } = show("ana");
  await waitFor(() => expect(names()).toEqual(["agent-ana-claude"]));
  await userEvent.click(screen.getByRole("button", { name: "Revoke claude" }));
  await userEvent.click(await screen.findByTestId("confirm"));
  await waitFor(() => expect(seen.map(({ path }) => path)).toContain("/api/v1/users/ana/agents/claude?version=2"));
});

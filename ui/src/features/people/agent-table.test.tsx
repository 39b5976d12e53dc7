import { screen } from "@testing-library/react";
import { expect, it } from "vitest";

import type { Agent } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { AgentTable } from "./agent-table";

const created_at = "2026-11-23T08:00:00Z";
const agent: Agent = {
  id: "a1",
  user: "ana",
  name: "by-hand",
  scope: [],
  expires_at: null,
  uses: 0,
  max_uses: null,
  forwarded: 0,
  client_timeout_seconds: 60,
  paused: false,
  last_used_at: null,
  version: 1,
  created_at,
};
const signed_in = { client: "<b>Claude Code</b>", host: "localhost", known: false, since: created_at };
const nothing = () => {};

it("says of an agent that signed in which program did, from where and since when", async () => {
  const { host } = fakeHost(signedIn("admin", () => ({ body: { state: "enforcing", version: "1" } })));
  const agents = [agent, { ...agent, id: "a2", name: "by-itself", signed_in }];
  renderWith(host, <AgentTable agents={agents} grantsHref={() => "#"} disabled={false} mayEdit mayPause onEdit={nothing} onRevoke={nothing} />);
  const how = await screen.findByTestId("signed-in-ana-by-itself");
  // A name that a program gave itself is text.
  expect(how.textContent).toMatch(/^Signed in with OAuth by <b>Claude Code<\/b> \(localhost\), .*2026/);
  expect(screen.queryByTestId("signed-in-ana-by-hand")).toBeNull();
});

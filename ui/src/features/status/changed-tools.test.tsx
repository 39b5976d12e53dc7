import { screen, waitFor } from "@testing-library/react";
import { expect, it } from "vitest";

import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { ChangedTools } from "./changed-tools";

it.each([
  [1, "1 tool has changed and waits for review"],
  [12, "12 tools have changed and wait for review"],
])("says that %i wait, and where to look", async (count, title) => {
  const { host } = fakeHost(signedIn("admin", () => ({ body: { state: "enforcing", changed_tools: count } })));
  renderWith(host, <ChangedTools href="#/tools?show=changed" />);
  expect(await screen.findByTestId("changed-tools")).toHaveTextContent(title);
  expect(screen.getByTestId("changed-look")).toHaveAttribute("href", "#/tools?show=changed");
});

it("says nothing when none does", async () => {
  const { host, seen } = fakeHost(signedIn("admin", () => ({ body: { state: "enforcing", changed_tools: 0 } })));
  renderWith(host, <ChangedTools href="#" />);
  await waitFor(() => expect(seen.length).toBeGreaterThan(0));
  expect(screen.queryByTestId("changed-tools")).toBeNull();
});

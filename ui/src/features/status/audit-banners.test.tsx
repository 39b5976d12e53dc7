import { screen, waitFor } from "@testing-library/react";
import { expect, it } from "vitest";

import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { AlarmBanner, UnrecordedBanner } from "./audit-banners";
import { StateLine } from "./state-bar";

it("says that nothing is recorded, and goes by itself when it is again", async () => {
  let state = "unrecorded";
  const status = { unrecorded_reason: "The disk is full." };
  const { host } = fakeHost(signedIn("admin", ({ path }) => ({ body: path === "/api/v1/health" ? { state, version: "1" } : status })));
  renderWith(
    host,
    <>
      <StateLine />
      <UnrecordedBanner />
    </>,
  );
  expect(await screen.findByTestId("unrecorded")).toHaveTextContent("Records cannot be written: agents are refused");
  expect(await screen.findByText("The disk is full.")).toBeVisible();
  expect(screen.getByTestId("state")).toHaveAttribute("data-state", "unrecorded");
  state = "enforcing";
  await waitFor(() => expect(screen.queryByTestId("unrecorded")).toBeNull(), { timeout: 5_000 });
  expect(screen.getByTestId("state")).toHaveAttribute("data-state", "enforcing");
}, 10_000);

it("says on every page that the trail is not whole, and where to look", async () => {
  const { host } = fakeHost(signedIn("auditor", () => ({ body: { audit_alarm: "It is older than a checkpoint <b>.", state: "enforcing", version: "1" } })));
  renderWith(host, <AlarmBanner href="#/audit?view=proof" />);
  expect(await screen.findByTestId("alarm-banner")).toHaveTextContent("It is older than a checkpoint <b>.");
  expect(screen.getByTestId("alarm-look")).toHaveAttribute("href", "#/audit?view=proof");
});

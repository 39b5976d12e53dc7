import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it } from "vitest";

import { recoveryMark } from "../../api/recovery-mark";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { UnconfirmedKey } from "./unconfirmed-key";

afterEach(() => recoveryMark.clear());

const show = (role: "admin" | "member" = "admin") => {
  const fake = fakeHost(signedIn(role, () => ({ body: [] })));
  renderWith(fake.host, <UnconfirmedKey keychainHref="#/settings?part=keychain" />);
  return fake;
};

it("asks once whether the key of an interrupted set-up was stored, and where to make a new one", async () => {
  recoveryMark.set();
  show();
  expect(await screen.findByTestId("key-make")).toHaveAttribute("href", "#/settings?part=keychain");
  await userEvent.click(screen.getByTestId("key-stored"));
  expect(screen.queryByTestId("key-unconfirmed")).toBeNull();
  expect(recoveryMark.isSet()).toBe(false);
});

it.each([
  { why: "a member, who can make none", role: "member" as const, marked: true },
  { why: "a set-up that was confirmed", role: "admin" as const, marked: false },
])("does not ask $why", async ({ role, marked }) => {
  if (marked) recoveryMark.set();
  const { seen } = show(role);
  await waitFor(() => expect(seen.some(({ path }) => path === "/api/v1/session")).toBe(true));
  expect(screen.queryByTestId("key-unconfirmed")).toBeNull();
});

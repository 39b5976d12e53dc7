import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import { fakeHost, renderWith } from "../../test/gateway";
import { RecoveryKey } from "./recovery-key";
import { SetUp } from "./set-up";
import { SignIn } from "./sign-in";

async function fillSetUp(password: string, again = password) {
  await userEvent.type(screen.getByTestId("setup-admin"), "ana");
  await userEvent.type(screen.getByTestId("setup-password"), password);
  await userEvent.type(screen.getByTestId("setup-password-again"), again);
  await userEvent.click(screen.getByTestId("setup-submit"));
}

it("sets up and hands on the recovery key", async () => {
  const { host, seen } = fakeHost(() => ({ status: 201, body: { recovery_key: "KEY-1", session: { user: "ana", expires_at: "" } } }));
  const onDone = vi.fn();
  renderWith(host, <SetUp withPassphrase={false} onDone={onDone} />);
  await fillSetUp("a long password");
  await waitFor(() => expect(onDone).toHaveBeenCalledWith({ recoveryKey: "KEY-1", user: "ana" }));
  expect(seen).toEqual([{ method: "POST", path: "/api/v1/setup", body: { admin: "ana", password: "a long password" } }]);
});

it("asks for the passphrase where the master key needs one", async () => {
  const { host, seen } = fakeHost(() => ({ status: 201, body: { recovery_key: "KEY-1", session: { user: "ana", expires_at: "" } } }));
  renderWith(host, <SetUp withPassphrase onDone={vi.fn()} />);
  await userEvent.type(screen.getByTestId("setup-passphrase"), "open sesame open");
  await fillSetUp("a long password");
  await waitFor(() => expect(seen[0]?.body).toEqual({ admin: "ana", password: "a long password", passphrase: "open sesame open" }));
});

it.each([
  ["short one", "short one", "Use at least 10 characters"],
  ["a long password", "another password", "The passwords differ"],
])("refuses %s / %s before asking the gateway", async (password, again, message) => {
  const { host, seen } = fakeHost(() => ({}));
  renderWith(host, <SetUp withPassphrase={false} onDone={vi.fn()} />);
  await fillSetUp(password, again);
  expect(await screen.findByText(message)).toBeVisible();
  expect(seen).toEqual([]);
});

it("says what to do when the keychain cannot be had", async () => {
  const { host } = fakeHost(() => ({ status: 503, body: { code: "keychain", message: "The keychain does not answer.", next: "Unlock it." } }));
  const onDone = vi.fn();
  renderWith(host, <SetUp withPassphrase={false} onDone={onDone} />);
  await fillSetUp("a long password");
  expect(await screen.findByText("The keychain does not answer.")).toBeVisible();
  expect(screen.getByText("Unlock it.")).toBeVisible();
  expect(onDone).not.toHaveBeenCalled();
});

it("lets nobody past the recovery key before they typed two groups of it", async () => {
  const key = "AAAAAA-BBBBBB-CCCCCC-DDDDDD";
  const { host } = fakeHost(() => ({}));
  const onContinue = vi.fn();
  renderWith(host, <RecoveryKey recoveryKey={key} user="ana" onContinue={onContinue} />);
  expect(screen.getByTestId("recovery-key")).toHaveTextContent(key);
  await userEvent.click(screen.getByTestId("recovery-continue"));
  expect(screen.getAllByText("That is not this group of the key")).toHaveLength(2);
  expect(onContinue).not.toHaveBeenCalled();
  const [first, second] = screen.getAllByTestId("recovery-group");
  const group = (input: HTMLElement | undefined) => key.split("-")[Number(input?.dataset.group)] ?? "";
  expect(group(first)).not.toBe(group(second));
  await userEvent.type(first as HTMLElement, group(first).toLowerCase());
  await userEvent.type(second as HTMLElement, "WRONG");
  await userEvent.click(screen.getByTestId("recovery-continue"));
  expect(onContinue).not.toHaveBeenCalled();
  await userEvent.clear(second as HTMLElement);
  await userEvent.type(second as HTMLElement, `${group(second)}{Enter}`);
  expect(onContinue).toHaveBeenCalledOnce();
});

it("keeps the recovery key out of the browser's storage, and prints nothing but it", async () => {
  const { host } = fakeHost(() => ({}));
  const print = vi.spyOn(window, "print").mockImplementation(() => {});
  renderWith(host, <RecoveryKey recoveryKey="AAAAAA-BBBBBB" user="ana" onContinue={vi.fn()} />);
  await userEvent.click(screen.getByTestId("recovery-print"));
  expect(print).toHaveBeenCalledOnce();
  const printed = document.querySelector("body > .printed");
  expect(printed).toHaveTextContent("AAAAAA-BBBBBB");
  expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain("AAAAAA");
});

it.each([
  ["password12", "1"],
  ["correct horse battery staple", "4"],
])("says how hard %s is to guess", async (password, score) => {
  const { host } = fakeHost(() => ({}));
  renderWith(host, <SetUp withPassphrase={false} onDone={vi.fn()} />);
  await userEvent.type(screen.getByTestId("setup-password"), password);
  await waitFor(() => expect(screen.getByTestId("strength")).toHaveAttribute("data-score", score), { timeout: 10_000 });
  expect(screen.getByTestId("strength")).toHaveTextContent(/guess/i);
});

it("signs in, and clears the password whether or not it was right", async () => {
  let right = false;
  const { host } = fakeHost(() => (right ? { status: 201, body: { user: "ana", expires_at: "" } } : { status: 401, body: { code: "bad_credentials", message: "Wrong.", next: "Check both." } }));
  const onDone = vi.fn();
  renderWith(host, <SignIn onDone={onDone} />);
  await userEvent.type(screen.getByTestId("signin-user"), "ana");
  await userEvent.type(screen.getByTestId("signin-password"), "guess{Enter}");
  expect(await screen.findByText("Wrong.")).toBeVisible();
  expect(screen.getByTestId("signin-password")).toHaveValue("");
  right = true;
  await userEvent.type(screen.getByTestId("signin-password"), "right one{Enter}");
  await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
  expect(screen.getByTestId("signin-password")).toHaveValue("");
});

it("shows the seconds left after too many attempts, and holds the button", async () => {
  const { host } = fakeHost(() => ({ status: 429, body: { code: "too_many_attempts", message: "Too many attempts.", next: "Wait." }, headers: { "retry-after": "30" } }));
  renderWith(host, <SignIn onDone={vi.fn()} />);
  await userEvent.type(screen.getByTestId("signin-user"), "ana");
  await userEvent.type(screen.getByTestId("signin-password"), "guess{Enter}");
  expect(await screen.findByText(/Wait (30|29) seconds/)).toBeVisible();
  expect(screen.getByTestId("signin-submit")).toBeDisabled();
});

import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import { recoveryMark } from "../api/recovery-mark";
import { fakeHost, renderWith } from "../test/gateway";
import { Gate } from "./gate";

const gate = <Gate>{(user) => <p>in as {user}</p>}</Gate>;
const health = (state: string) => ({ body: { state, version: "1" } });
const signIn = { status: 401, body: { code: "sign_in", message: "Not signed in.", next: "Sign in." } };

it("asks for set-up when there is no admin yet, and for nothing else", async () => {
  const { host, seen } = fakeHost(() => health("unconfigured"));
  renderWith(host, gate);
  expect(await screen.findByText("Welcome")).toBeVisible();
  await userEvent.click(screen.getByTestId("welcome-begin"));
  expect(await screen.findByTestId("setup-submit")).toBeVisible();
  expect(seen.map((request) => request.path)).toEqual(["/api/v1/health"]);
});

it("asks for a sign-in without a session", async () => {
  const { host } = fakeHost(({ path }) => (path === "/api/v1/health" ? health("enforcing") : signIn));
  renderWith(host, gate);
  expect(await screen.findByTestId("signin-submit")).toBeVisible();
});

it("lets a session through", async () => {
  const { host } = fakeHost(({ path }) => (path === "/api/v1/health" ? health("paused") : { body: { user: "ana", expires_at: "" } }));
  renderWith(host, gate);
  expect(await screen.findByText("in as ana")).toBeVisible();
});

it("says that the gateway is stopped, and does not ask it in a loop", async () => {
  const { host, seen } = fakeHost(() => {
    throw new TypeError("Failed to fetch");
  });
  renderWith(host, gate);
  expect(await screen.findByTestId("state")).toHaveTextContent(/^Stopped$/);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(seen.length).toBeLessThan(4);
});

it("takes an answer that is not the gateway's for a failure", async () => {
  vi.useRealTimers();
  const { host } = fakeHost(({ path }) => (path === "/api/v1/health" ? health("enforcing") : { status: 502, body: "bad gateway" }));
  renderWith(host, gate);
  expect(await screen.findByText(/Something that is not the gateway answered/)).toBeVisible();
});

it("remembers that the recovery key was shown until it is confirmed, and nothing of the key", async () => {
  const key = "AAAAAA-BBBBBB";
  const { host } = fakeHost(({ path }) => (path === "/api/v1/setup" ? { status: 201, body: { recovery_key: key, session: { user: "ana", expires_at: "" } } } : health("unconfigured")));
  renderWith(host, gate);
  await userEvent.click(await screen.findByTestId("welcome-begin"));
  await userEvent.type(screen.getByTestId("setup-admin"), "ana");
  await userEvent.type(screen.getByTestId("setup-password"), "a long password");
  await userEvent.type(screen.getByTestId("setup-password-again"), "a long password");
  await userEvent.click(screen.getByTestId("setup-submit"));
  expect(await screen.findByTestId("recovery-key")).toHaveTextContent(key);
  expect(recoveryMark.isSet()).toBe(true);
  expect(JSON.stringify({ ...localStorage })).not.toContain("AAAAAA");
  for (const field of screen.getAllByTestId("recovery-group")) {
    // oxlint-disable-next-line no-await-in-loop -- as a person types
    await userEvent.type(field, key.split("-")[Number(field.dataset.group)] ?? "");
  }
  await userEvent.click(screen.getByTestId("recovery-continue"));
  expect(recoveryMark.isSet()).toBe(false);
});

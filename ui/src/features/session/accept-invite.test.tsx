import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import { fakeHost, renderWith, type Reply } from "../../test/gateway";
import { AcceptInvite } from "./accept-invite";

const GONE: Reply = { status: 404, body: { code: "not_found", message: "this invite is not good, or not good any more", next: "ask an administrator for a new one" } };

function show(look: Reply, accept: Reply = { status: 201, body: { user: "mia", expires_at: "" } }) {
  const { host, seen } = fakeHost((request) => (request.path.endsWith("/look") ? look : accept));
  const [onUser, onDone] = [vi.fn(), vi.fn()];
  renderWith(host, <AcceptInvite secret="s3cret" onUser={onUser} onDone={onDone} />);
  return { seen, onUser, onDone };
}

it("sets the password of whose invite it is, and keeps neither", async () => {
  const { seen, onUser, onDone } = show({ body: { user: "mia", expires_at: "2027-01-01T00:00:00Z" } });
  await userEvent.type(await screen.findByTestId("invite-password"), "a long password");
  expect(onUser).toHaveBeenCalledWith("mia");
  await userEvent.type(screen.getByTestId("invite-again"), "a long password{Enter}");
  await waitFor(() => expect(onDone).toHaveBeenCalledOnce());
  expect(seen.at(-1)).toEqual({ method: "POST", path: "/api/v1/invites/accept", body: { secret: "s3cret", password: "a long password" } });
  expect(seen.every((request) => !request.path.includes("s3cret"))).toBe(true);
  expect(screen.getByTestId("invite-password")).toHaveValue("");
});

it.each([
  ["short", "short", "Use at least 10 characters"],
  ["a long password", "another password", "The passwords differ"],
])("refuses %s / %s before it asks", async (password, again, message) => {
  const { seen } = show({ body: { user: "mia", expires_at: "" } });
  await userEvent.type(await screen.findByTestId("invite-password"), password);
  await userEvent.type(screen.getByTestId("invite-again"), `${again}{Enter}`);
  expect(await screen.findByText(message)).toBeVisible();
  expect(seen).toHaveLength(1);
});

it("says that a link is not good any more, and leads to the sign-in", async () => {
  const { onDone } = show(GONE);
  expect(await screen.findByText(/not good any more/)).toBeVisible();
  expect(screen.queryByTestId("invite-password")).toBeNull();
  await userEvent.click(screen.getByTestId("invite-sign-in"));
  expect(onDone).toHaveBeenCalledOnce();
});

import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { Account, Role } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { Accounts } from "./accounts";
import { AddConnection } from "./add-connection";

const account = (over: Partial<Account>): Account => ({
  connection: "mail",
  kind: "user",
  user: "ana",
  state: "connected",
  problem: null,
  link: "http://127.0.0.1:7410/accounts/mail",
  own: false,
  connected_at: "2026-11-23T08:00:00Z",
  ...over,
});

function show(role: Role, accounts: Account[], connection?: string) {
  const fake = fakeHost(signedIn(role, (request) => (request.method === "DELETE" ? { status: 204 } : { body: request.path === "/api/v1/accounts" ? accounts : {} })));
  renderWith(fake.host, connection === undefined ? <Accounts /> : <Accounts connection={connection} />);
  return fake;
}

it("gives the link to connect an account of one's own, and of nobody else's", async () => {
  show("admin", [account({}), account({ user: "root", own: true, state: "not_connected", connected_at: null })], "mail");
  const own = await screen.findByTestId("account-mail-root");
  expect(own).toHaveTextContent("Not connected");
  expect(screen.queryByTestId("account-mail-root-link")).toBeNull();
  await userEvent.click(within(own).getByRole("button", { name: "Connect" }));
  expect(screen.getByTestId("account-mail-root-link")).toHaveTextContent("http://127.0.0.1:7410/accounts/mail");
  const anas = within(screen.getByTestId("account-mail-ana"));
  expect(anas.queryByRole("button", { name: /onnect$/ })).toHaveTextContent("Disconnect");
});

it("says why an account has to be connected again, as text", async () => {
  show("member", [account({ own: true, state: "reconnect", problem: "it wants more rights: <img src=x>" })]);
  const row = await screen.findByTestId("account-mail-ana");
  expect(row).toHaveTextContent("mail");
  expect(row).toHaveTextContent("it wants more rights: <img src=x>");
  expect(document.querySelector("img")).toBeNull();
  expect(within(row).getByRole("button", { name: "Reconnect" })).toBeVisible();
});

it("disconnects whose account it was asked to, once that was confirmed", async () => {
  const { seen } = show("admin", [account({}), account({ connection: "crm", kind: "team", user: null, own: true })]);
  await userEvent.click(await screen.findByTestId("account-mail-ana-disconnect"));
  expect(seen.some((request) => request.method === "DELETE")).toBe(false);
  await userEvent.click(await screen.findByTestId("confirm"));
  await waitFor(() => expect(seen.find((request) => request.method === "DELETE")?.path).toBe("/api/v1/accounts/mail?user=ana"));
});

it("adds a connection with a sign-in, and sends a client's secret once", async () => {
  const { host, seen } = fakeHost(signedIn("admin", () => ({ status: 422, body: { code: "invalid", message: "no", next: "do" } })));
  renderWith(host, <AddConnection onClose={() => {}} onAdded={() => {}} />);
  await userEvent.type(screen.getByTestId("connection-name"), "mail");
  await userEvent.click(screen.getByText("Address (HTTP)"));
  await userEvent.type(screen.getByTestId("connection-url"), "https://mail.example/mcp");
  await userEvent.selectOptions(screen.getByTestId("connection-sign-in"), "user");
  await userEvent.type(screen.getByTestId("connection-client-id"), "id");
  await userEvent.type(screen.getByTestId("connection-client-secret"), "s3cret");
  await userEvent.click(screen.getByTestId("connection-review"));
  expect(await screen.findByText(/nobody uses another’s/)).toBeVisible();
  await userEvent.click(screen.getByTestId("connection-confirm"));
  await waitFor(() => expect(seen.some((request) => request.method === "POST")).toBe(true));
  const body = seen.find((request) => request.method === "POST")?.body;
  expect(body).toMatchObject({ name: "mail", sign_in: { kind: "user", client_id: "id", client_secret: "s3cret" } });
  expect(await screen.findByTestId("connection-client-secret")).toHaveValue("");
});

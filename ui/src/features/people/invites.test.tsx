import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import { fakeHost, renderWith, type Reply, type Seen } from "../../test/gateway";
import { InviteDialog } from "./invite-dialog";
import { Invites } from "./invites";

const invite = (user: string, state: string) => ({ id: `i-${user}`, user, role: "member", state, by: "root", created_at: "2026-01-01T00:00:00Z", expires_at: "2026-01-08T00:00:00Z" });

/** A gateway that makes this invite, and is shared like this or not. */
const making =
  (made: unknown, sharing: unknown) =>
  ({ method, path }: Seen): Reply => {
    if (method === "POST") return { status: 201, body: made };
    return { body: path === "/api/v1/sharing" ? sharing : path.endsWith("/authority") ? { in_use: true, fingerprint: "ab:cd" } : [] };
  };
const posted = (seen: readonly Seen[]) => seen.find(({ method }) => method === "POST")?.body;

it("makes a link, shows it once, and says where it works", async () => {
  const { host, seen } = fakeHost(making({ invite: invite("mia", "open"), link: "http://127.0.0.1:7410/#/invite/abc", shared: false }, { state: "off" }));
  const onClose = vi.fn();
  renderWith(host, <InviteDialog teams={[]} sharingHref="#/settings" onClose={onClose} />);
  // Said before there is a link to be made again.
  expect(await screen.findByTestId("invite-only-here")).toHaveTextContent("will work on this machine only");
  await userEvent.type(screen.getByTestId("invite-user"), " mia ");
  await userEvent.selectOptions(screen.getByTestId("invite-ttl"), "1 day");
  await userEvent.click(screen.getByTestId("invite-make"));
  expect(await screen.findByTestId("invite-link")).toHaveTextContent("http://127.0.0.1:7410/#/invite/abc");
  expect(screen.getByTestId("invite-only-here")).toHaveTextContent("works on this machine only");
  expect(screen.queryByTestId("invite-fingerprint")).toBeNull();
  expect(screen.getByRole("link", { name: "Let other machines in…" })).toHaveAttribute("href", "#/settings");
  expect(posted(seen)).toEqual({ user: "mia", role: "member", teams: [], ttl_seconds: 86_400 });
  await userEvent.click(screen.getByTestId("invite-sent"));
  expect(onClose).toHaveBeenCalledOnce();
});

it("asks for neither role nor teams of somebody who is there", async () => {
  const { host, seen } = fakeHost(making({ invite: invite("leo", "open"), link: "https://gw.lan/#/invite/x", shared: true }, { state: "listening" }));
  renderWith(host, <InviteDialog user="leo" teams={[]} sharingHref="" onClose={vi.fn()} />);
  expect(screen.queryByTestId("invite-role")).toBeNull();
  await userEvent.click(screen.getByTestId("invite-make"));
  await screen.findByTestId("invite-link");
  expect(screen.queryByTestId("invite-only-here")).toBeNull();
  expect(screen.getByTestId("invite-fingerprint")).toHaveTextContent("ab:cd");
  expect(posted(seen)).toEqual({ user: "leo", teams: [], ttl_seconds: 604_800 });
});

it("lists open invites, takes one back, and shows those that are over when asked", async () => {
  const { host, seen } = fakeHost((request) => (request.method === "DELETE" ? { status: 204 } : { body: [invite("mia", "open"), invite("leo", "accepted")] }));
  renderWith(host, <Invites mayChange disabled={false} />);
  expect(await screen.findByTestId("invite-mia")).toHaveTextContent("Open");
  expect(screen.queryByTestId("invite-leo")).toBeNull();
  await userEvent.click(screen.getByTestId("invites-all"));
  expect(screen.getByTestId("invite-leo")).toHaveTextContent("Accepted");
  await userEvent.click(screen.getByRole("button", { name: "Take back the invite for mia" }));
  await waitFor(() => expect(seen.find((request) => request.method === "DELETE")?.path).toBe("/api/v1/invites/i-mia"));
});

import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { Team, User } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { TeamMembers } from "./team-members";

const user = (name: string): User => ({ id: name, name, role: "member", can_sign_in: true, paused: false, teams: [], has_token: true, agents: 0, version: 1, created_at: "2026-01-01T00:00:00Z" });
const users = ["ana", "bo", "carla", "dmitri"].map(user);
const sales: Team = { id: "t1", name: "sales", members: ["ana"], version: 3 };

const field = () => screen.getByTestId("team-members");
const paste = (text: string) => fireEvent.paste(field(), { clipboardData: { getData: () => text } });

it("adds many people at once, and says whom nobody knows", async () => {
  const { host, seen } = fakeHost(signedIn("admin", () => ({ body: { ...sales, version: 4 } })));
  renderWith(host, <TeamMembers team={sales} users={users} onClose={() => {}} />);
  paste("bo, carla\nzoe bo");
  expect(await screen.findByText("Nobody is called zoe.")).toBeVisible();
  await userEvent.click(screen.getByTestId("team-members-save"));
  await waitFor(() => expect(seen).toContainEqual({ method: "PUT", path: "/api/v1/teams/sales", body: { members: ["ana", "bo", "carla"], version: 3 } }));
});

it("shows both lists where somebody else was faster, and keeps what was chosen", async () => {
  const current: Team = { ...sales, members: ["dmitri"], version: 5 };
  const { host, seen } = fakeHost(
    signedIn("admin", ({ body }) => ((body as { version?: number } | undefined)?.version === 3 ? { status: 409, body: { code: "stale", message: "It changed.", next: "Look.", current } } : { body: current })),
  );
  renderWith(host, <TeamMembers team={sales} users={users} onClose={() => {}} />);
  paste("bo carla");
  await userEvent.click(screen.getByTestId("team-members-save"));
  const stale = await screen.findByTestId("stale");
  expect(stale).toHaveTextContent("dmitri");
  expect(stale).toHaveTextContent("ana, bo, carla");
  await userEvent.click(screen.getByTestId("stale-overwrite"));
  await waitFor(() => expect(seen).toContainEqual({ method: "PUT", path: "/api/v1/teams/sales", body: { members: ["ana", "bo", "carla"], version: 5 } }));
});

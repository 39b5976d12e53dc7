import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import type { Approval } from "../../api/types";
import { fakeHost, renderWith } from "../../test/gateway";
import { type PromptDoor, PromptView } from "./prompt-view";

const soon = new Date(Date.now() + 60_000).toISOString();
const approval: Approval = {
  id: "p1",
  state: "pending",
  user: "ana",
  agent: "claude",
  tool: "fs.write_file",
  description: "<script>alert(1)</script>",
  args: '{"path":"/etc/hosts","content":"127.0.0.1 x"}',
  args_digest: "abc",
  differences: null,
  grants: ["g1"],
  policy_version: 1,
  asked_at: new Date().toISOString(),
  expires_at: soon,
  waiting: true,
  held_until: soon,
};

function show(answer: PromptDoor["answer"] = () => Promise.resolve(), more: Partial<Approval> = {}) {
  let hand: ((card: { approval: unknown; count: number }) => void) | undefined;
  const door = {
    onCard: (take: NonNullable<typeof hand>) => {
      hand = take;
      return () => {};
    },
    answer: vi.fn(answer),
    later: vi.fn(() => Promise.resolve()),
    open: vi.fn(() => Promise.resolve()),
    fit: vi.fn(() => Promise.resolve()),
  };
  const fake = fakeHost(() => ({ status: 500 }));
  renderWith(fake.host, <PromptView prompt={door} />);
  const put = (id: string, count: number) => act(() => hand?.({ approval: { ...approval, ...more, id }, count }));
  put("p1", 3);
  return { door, put, seen: fake.seen };
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
const armed = () => waitFor(() => expect(screen.getByTestId("prompt-once")).toBeEnabled(), { timeout: 3_000 });

it("shows one call as what it is, of how many, and asks the gateway for nothing", async () => {
  const { seen, door } = show();
  expect(screen.getByRole("heading", { name: /ana \/ claude wants to call fs.write_file/ })).toBeVisible();
  expect(screen.getByTestId("prompt-count")).toHaveTextContent("1 of 3");
  expect(screen.getByTestId("approval-file")).toHaveTextContent("/etc/hosts");
  expect(screen.getByTestId("approval-countdown")).toHaveTextContent(/The agent waits for another/);
  expect(document.querySelector("script")).toBeNull();
  expect(door.fit).toHaveBeenCalled();
  expect(seen).toEqual([]);
});

it("takes no click before it has been there for a second, nor right after another call took its place", async () => {
  const { door, put } = show();
  expect(screen.getByTestId("prompt-once")).toBeDisabled();
  expect(screen.getByTestId("prompt-deny")).toBeDisabled();
  expect(document.activeElement).toBe(screen.getByTestId("prompt"));
  await armed();
  put("p2", 2);
  expect(screen.getByTestId("prompt-once")).toBeDisabled();
  await userEvent.click(screen.getByTestId("prompt-once"));
  expect(door.answer).not.toHaveBeenCalled();
  await armed();
  await userEvent.click(screen.getByTestId("prompt-once"));
  expect(door.answer.mock.calls).toEqual([["p2", "once"]]);
  // Answered, it takes no second click while the shell has yet to change it.
  expect(screen.getByTestId("prompt-deny")).toBeDisabled();
});

it("takes no answer once the time for it is over, also if nobody says so", async () => {
  const { door } = show(undefined, { expires_at: new Date(Date.now() + 1_800).toISOString() });
  await armed();
  await waitFor(() => expect(screen.getByTestId("prompt-once")).toBeDisabled(), { timeout: 3_000 });
  expect(screen.getByTestId("prompt-deny")).toBeDisabled();
  await userEvent.keyboard("a");
  await pause(400);
  await userEvent.keyboard("{Enter}");
  expect(door.answer).not.toHaveBeenCalled();
});

it("is not shown anew, and not disarmed, when the same call is told again", async () => {
  const { put } = show();
  await armed();
  put("p1", 2);
  expect(screen.getByTestId("prompt-count")).toHaveTextContent("1 of 2");
  expect(screen.getByTestId("prompt-once")).toBeEnabled();
});

it("answers by keyboard in two steps only", async () => {
  const { door } = show();
  await userEvent.keyboard("a");
  await pause(400);
  await userEvent.keyboard("{Enter} ");
  await armed();
  await pause(1_100);
  await userEvent.keyboard("{Enter}");
  expect(door.answer).not.toHaveBeenCalled();
  await userEvent.keyboard("a");
  expect(screen.getByText("Allow once?")).toBeVisible();
  await pause(400);
  await userEvent.keyboard("{Enter}");
  expect(door.answer.mock.calls).toEqual([["p1", "once"]]);
});

it("is put off by Escape, and opened in the window by O", async () => {
  const { door } = show();
  await userEvent.keyboard("{Escape}");
  expect(door.later.mock.calls).toEqual([["p1"]]);
  await userEvent.keyboard("o");
  expect(door.open.mock.calls).toEqual([["p1"]]);
  expect(door.answer).not.toHaveBeenCalled();
});

it("says why an answer was not taken, and takes another", async () => {
  const { door } = show(() => Promise.reject({ code: "forbidden", message: "you may not answer this", next: "ask an admin" }));
  await armed();
  await userEvent.click(screen.getByTestId("prompt-session"));
  expect(await screen.findByText("You may not answer this")).toBeVisible();
  await userEvent.click(screen.getByTestId("prompt-deny"));
  expect(door.answer.mock.calls).toEqual([
    ["p1", "session"],
    ["p1", "deny"],
  ]);
});

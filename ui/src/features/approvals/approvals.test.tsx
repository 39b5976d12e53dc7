import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { Approval, Role } from "../../api/types";
import { fakeHost, renderWith, type Reply, type Seen, signedIn } from "../../test/gateway";
import { ApprovalsView } from "./approvals-view";
import type { HistoryFilter } from "./history-filter";

const soon = new Date(Date.now() + 60_000).toISOString();
const approval: Approval = {
  id: "ap1",
  state: "pending",
  user: "ana",
  agent: "claude",
  tool: "gmail.send",
  description: "<img src=x onerror=alert(1)>",
  args: '{"to":["a@b.c"],"subject":"Hi","body":"Text","amount":12345678901234567890}',
  args_digest: "abc",
  differences: [{ path: "to[0]", before: '"old@b.c"', after: '"a@b.c"' }],
  grants: ["g1"],
  policy_version: 1,
  asked_at: new Date().toISOString(),
  expires_at: soon,
  waiting: true,
  held_until: soon,
};

function show(role: Role, answer: (request: Seen) => Reply | undefined = () => undefined, pending = [approval], view: { open?: string; filter?: HistoryFilter } = {}) {
  const fake = fakeHost(
    signedIn(role, (request) => answer(request) ?? { body: request.path.startsWith("/api/v1/approvals") ? pending : { state: "enforcing", version: "1" } }),
  );
  const { open, filter = {} } = view;
  renderWith(fake.host, <ApprovalsView open={open} filter={filter} onFilter={() => {}} grantHref={(id) => `#${id}`} Always={() => <p>always</p>} />);
  return fake;
}

const asked = (seen: Seen[]) => seen.filter((request) => request.method === "POST");

it("shows who wants what, readable and exact, and what is different", async () => {
  show("admin");
  expect(await screen.findByRole("heading", { name: /ana \/ claude wants to call gmail.send/ })).toBeVisible();
  expect(screen.getByTestId("approval-mail")).toHaveTextContent("a@b.c");
  expect(screen.getByText("12345678901234567890")).toBeVisible();
  expect(screen.getByTestId("approval-differences")).toHaveTextContent('"old@b.c"');
  expect(screen.getByTestId("approval-countdown")).toHaveTextContent(/The agent waits for another (1:00|0:5\d)/);
  expect(screen.getByText("<img src=x onerror=alert(1)>")).toBeVisible();
  expect(document.querySelector("img")).toBeNull();
  await userEvent.click(screen.getByTestId("approval-exact"));
  expect(screen.getByTestId("approval-args")).toHaveTextContent(approval.args);
});

it("takes no answer in the first half second, and has no answer under the focus", async () => {
  const { seen } = show("admin");
  const once = await screen.findByTestId("approve-once");
  expect(once).toBeDisabled();
  expect(document.activeElement).toBe(document.body);
  // At once: on a slow machine a click of userEvent's takes longer than that.
  fireEvent.click(once);
  await waitFor(() => expect(once).toBeEnabled(), { timeout: 2_000 });
  expect(asked(seen)).toEqual([]);
  await userEvent.click(once);
  await waitFor(() => expect(asked(seen)).toEqual([{ method: "POST", path: "/api/v1/approvals/ap1/answer", body: { answer: "once" } }]));
});

it("denies with a note, and Enter in the note answers nothing", async () => {
  const { seen } = show("member");
  await waitFor(() => expect(screen.getByTestId("deny")).toBeEnabled(), { timeout: 2_000 });
  await userEvent.type(screen.getByTestId("deny-note"), " Ask Kim first {Enter}");
  expect(asked(seen)).toEqual([]);
  await userEvent.click(screen.getByTestId("deny"));
  await waitFor(() => expect(asked(seen)).toMatchObject([{ body: { answer: "deny", note: "Ask Kim first" } }]));
});

it("says who was first", async () => {
  const { seen } = show("admin", ({ method }) =>
    method === "POST" ? { status: 409, body: { code: "answered", message: "Answered.", next: "Look.", current: { ...approval, state: "denied", answered_by: "bo" } } } : undefined,
  );
  await waitFor(() => expect(screen.getByTestId("approve-once")).toBeEnabled(), { timeout: 2_000 });
  const reads = seen.length;
  await userEvent.click(screen.getByTestId("approve-once"));
  expect(await screen.findByText("bo was first: Denied.")).toBeVisible();
  await waitFor(() => expect(seen.slice(reads).some((request) => request.path === "/api/v1/approvals?state=pending")).toBe(true));
});

it("offers “always” to admins only, and no answer to an auditor", async () => {
  show("member");
  await screen.findByTestId("approve-once");
  expect(screen.queryByTestId("approve-always")).toBeNull();
});

it("lets an auditor look", async () => {
  show("auditor");
  await screen.findByTestId("approval");
  await screen.findByText(/You may look/);
  expect(screen.queryByTestId("approve-once")).toBeNull();
});

it("says when nothing waits, and lists what was answered with its note as text", async () => {
  show("admin", ({ path }) =>
    path.endsWith("state=pending") ? { body: [] } : path.endsWith("state=all") ? { body: [{ ...approval, state: "denied", answered_by: "root", answered_at: soon, note: "<b>no</b>" }] } : undefined,
  );
  expect(await screen.findByText("Nothing waits for you")).toBeVisible();
  expect(await screen.findByText("<b>no</b>")).toBeVisible();
  expect(screen.getByTestId("recent-approval")).toHaveTextContent("root");
});

it("says how much of a long argument is hidden, and shows all of it", async () => {
  const body = `${"x".repeat(5_000)}the end`;
  show("admin", undefined, [{ ...approval, args: JSON.stringify({ to: "a@b.c", body }) }]);
  expect(await screen.findByText(/Shortened: 4,000 of 5,007 characters/)).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Show all of it" }));
  expect(screen.getByTestId("approval-mail")).toHaveTextContent(/the end$/);
});

it("says where the account is connected that the call needs", async () => {
  show("member", undefined, [{ ...approval, sign_in: "http://127.0.0.1:7410/accounts/gmail" }]);
  expect(await screen.findByTestId("approval-sign-in")).toHaveTextContent("http://127.0.0.1:7410/accounts/gmail");
});

it.each([
  ["docs.@resource/file:///notes/<b>plan</b>.md", '{"uri":"file:///notes/<b>plan</b>.md"}', /ana \/ claude wants to read the resource file:\/\/\/notes\/<b>plan<\/b>.md of docs/],
  ["docs.@prompt/Code review", '{"code":"let x"}', /ana \/ claude wants to get the prompt Code review of docs/],
])("says what is done with %s", async (tool, args, title) => {
  show("admin", undefined, [{ ...approval, tool, args, differences: null }]);
  expect(await screen.findByRole("heading", { name: title })).toBeVisible();
  expect(screen.getByRole("group", { name: /^ana: (?:read the resource|get the prompt)/ })).toBeVisible();
});

const settled = () => waitFor(() => expect(screen.getAllByTestId("approve-once")[0]).toBeEnabled(), { timeout: 2_000 });
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

it("answers by keyboard in two steps, and Enter alone answers nothing", async () => {
  const { seen } = show("admin", undefined, [approval, { ...approval, id: "ap2", asked_at: new Date(Date.now() + 1).toISOString() }]);
  await settled();
  await userEvent.keyboard("{Enter}");
  // The first key only selects.
  await userEvent.keyboard("a{Enter}");
  expect(screen.queryByText("Allow once?")).toBeNull();
  await userEvent.keyboard("j");
  expect(screen.getAllByTestId("approval")[1]).toHaveAttribute("data-selected", "true");
  await userEvent.keyboard("a");
  expect(screen.getByText("Allow once?")).toBeVisible();
  // Too soon to be meant, then taken back.
  await userEvent.keyboard("{Enter}");
  await userEvent.keyboard("{Escape}");
  expect(screen.queryByText("Allow once?")).toBeNull();
  await pause(400);
  await userEvent.keyboard("{Enter}");
  expect(asked(seen)).toEqual([]);
  await userEvent.keyboard("d");
  await pause(400);
  await userEvent.keyboard("{Enter}");
  await waitFor(() => expect(asked(seen)).toEqual([{ method: "POST", path: "/api/v1/approvals/ap2/answer", body: { answer: "deny" } }]));
});

it("takes no letters that are being typed for an answer", async () => {
  const { seen } = show("admin", undefined, [approval], { open: "ap1" });
  await settled();
  await userEvent.keyboard("banana");
  expect(screen.queryByText("Allow once?")).toBeNull();
  await userEvent.type(screen.getByTestId("deny-note"), "add");
  await pause(400);
  await userEvent.keyboard("{Enter}");
  expect(asked(seen)).toEqual([]);
});

it("gives an auditor no keys to answer with", async () => {
  const { seen } = show("auditor", undefined, [approval], { open: "ap1" });
  await screen.findByTestId("approval");
  await pause(600);
  await userEvent.keyboard("a");
  await pause(400);
  await userEvent.keyboard("{Enter}");
  expect(asked(seen)).toEqual([]);
  expect(screen.queryByTestId("approvals-legend")).toBeNull();
});

const answered = (id: string, state: Approval["state"], user: string): Approval => ({ ...approval, id, state, user, answered_by: "root", answered_at: soon });

it("shows of the history what is filtered for, and says when that is nothing", async () => {
  const history = [answered("h1", "used", "ana"), answered("h2", "denied", "bo"), answered("h3", "expired", "ana")];
  const reply = ({ path }: Seen) => (path.endsWith("state=all") ? { body: history } : path.endsWith("state=pending") ? { body: [] } : undefined);
  const shown = async (filter: HistoryFilter) => {
    const { host } = fakeHost(signedIn("admin", (request) => reply(request) ?? { body: { state: "enforcing", version: "1" } }));
    const { unmount } = renderWith(host, <ApprovalsView open={undefined} filter={filter} onFilter={() => {}} grantHref={() => "#"} Always={() => null} />);
    await screen.findByTestId("history-state");
    await waitFor(() => expect(screen.queryByText("Loading…")).toBeNull());
    const states = screen.queryAllByTestId("recent-approval").map((row) => row.dataset.state);
    unmount();
    return states;
  };
  expect(await shown({})).toHaveLength(3);
  expect(await shown({ state: "denied" })).toEqual(["denied"]);
  expect(await shown({ state: "allowed" })).toEqual(["used"]);
  expect(await shown({ find: "ANA gmail" })).toEqual(["used", "expired"]);
  expect(await shown({ find: "nobody" })).toEqual([]);
});

it("tells whoever comes for one that is over what became of it", async () => {
  show("admin", ({ path }) => (path.endsWith("state=pending") ? { body: [] } : path.endsWith("state=all") ? { body: [answered("h2", "denied", "bo")] } : undefined), [], { open: "h2" });
  expect(await screen.findByText("root was first: Denied.")).toBeVisible();
});

it("shows a file with what changes in it, and a command by its words", async () => {
  const edit = { ...approval, args: JSON.stringify({ path: "/etc/hosts", edits: [{ oldText: "a\nb", newText: "a\n<b>c</b>" }], dryRun: false }) };
  const command = { ...approval, id: "ap2", args: JSON.stringify({ command: "rm", args: ["-rf", "/a b"] }) };
  show("admin", undefined, [edit, command]);
  const file = await screen.findByTestId("approval-file");
  expect(file).toHaveTextContent("Changes the file /etc/hosts");
  expect(file).toHaveTextContent("removed: b");
  expect(file).toHaveTextContent("added: <b>c</b>");
  expect(file).toHaveTextContent("dryRun");
  expect(screen.getByTestId("approval-command").querySelectorAll("code")).toHaveLength(3);
});

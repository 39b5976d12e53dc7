import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ReactNode } from "react";
import { expect, it, vi } from "vitest";

import type { AuditRecord, Change, Grant } from "../../api/types";
import { fakeHost, type Reply, renderWith, type Seen, signedIn } from "../../test/gateway";
import { Events } from "../../app/events";
import { StartChecklist } from "./checklist";
import { FirstCall } from "./first-call";
import { StartView } from "./start-view";

const Live = () => (
  <Events>
    <FirstCall />
  </Events>
);

const connection = { id: "c1", name: "sample", transport: { kind: "stdio", argv: ["agw", "sample"] }, credentials: [], health: "ready", tools: 4, refused_tools: [], version: 1, created_at: "" };
const agent = { id: "a1", user: "root", name: "claude", scope: [], uses: 0, forwarded: 0, client_timeout_seconds: 60, paused: false, version: 1, created_at: "" };
const tool = (name: string, effect: string) => ({ id: `sample.${name}`, connection: "sample", description: name, mcp_name: name, suggested_effect: effect });

/** A gateway with this in it. */
function show(children: ReactNode, rows: { connections?: unknown[]; agents?: unknown[]; answer?: (request: Seen) => Reply | undefined }) {
  const fake = fakeHost(
    signedIn("admin", (request) => {
      const special = rows.answer?.(request);
      if (special !== undefined) return special;
      if (request.path === "/api/v1/connections") return { body: rows.connections ?? [] };
      if (request.path.startsWith("/api/v1/agents")) return { body: rows.agents ?? [] };
      if (request.path === "/api/v1/status") return { body: { state: "enforcing", program: "/opt/agw", url: "http://127.0.0.1:7410" } };
      return { body: [] };
    }),
  );
  renderWith(fake.host, children);
  return fake;
}

it("lists on Home what is left, in order, and goes on with the first of it", async () => {
  const onStep = vi.fn();
  show(<StartChecklist onStep={onStep} />, { connections: [connection] });
  const list = await screen.findByTestId("start-checklist");
  expect(within(list).getAllByRole("listitem").map((item) => item.dataset.state)).toEqual(["done", "current", "ahead"]);
  await userEvent.click(screen.getByTestId("start-resume"));
  expect(onStep).toHaveBeenCalledWith("agent");
});

it("goes away when nothing is left", async () => {
  const { seen } = show(<StartChecklist onStep={vi.fn()} />, { connections: [connection], agents: [{ ...agent, uses: 1 }] });
  await waitFor(() => expect(seen.filter(({ path }) => path.startsWith("/api/v1/agents"))).toHaveLength(1));
  expect(screen.queryByTestId("start-checklist")).toBeNull();
});

it("lets every step be put off, and says so until it is done", async () => {
  const [onStep, onLeave] = [vi.fn(), vi.fn()];
  const parts = { tool: <p>the tool</p>, agent: <p>the agent</p>, call: <p>the call</p> };
  show(<StartView step="agent" parts={parts} onStep={onStep} onLeave={onLeave} />, { connections: [connection] });
  expect(screen.getByText("the agent")).toBeVisible();
  expect(screen.getByRole("heading", { level: 1 })).toHaveFocus();
  expect(screen.getByRole("listitem", { current: "step" })).toHaveTextContent("A first agent");
  expect(screen.getByTestId("start-next")).toHaveTextContent("Skip for now");
  await userEvent.click(screen.getByTestId("start-next"));
  expect(onStep).toHaveBeenLastCalledWith("call");
  await userEvent.click(screen.getByTestId("start-back"));
  expect(onStep).toHaveBeenLastCalledWith("tool");
  await userEvent.click(screen.getByTestId("start-leave"));
  expect(onLeave).toHaveBeenCalledOnce();
});

const story = () => screen.getByTestId("first-call").dataset.story;

it("allows what only reads, shows the call as it comes, and takes it back with one click", async () => {
  let grants: Grant[] = [];
  const records: AuditRecord[] = [];
  const answer = ({ method, path, body }: Seen): Reply | undefined => {
    if (path === "/api/v1/tools") return { body: [tool("list_notes", "read"), tool("read_note", "read"), tool("write_note", "write"), tool("delete_note", "destructive")] };
    if (path === "/api/v1/grants") return { body: grants };
    if (path.startsWith("/api/v1/audit")) return { body: { records: records.toReversed() } };
    if (method !== "POST") return undefined;
    const change = body as Change;
    grants = (change.add ?? []).map((add, index) => ({ id: `g${index}`, subject: add.subject, tool: add.tool, effect: add.effect, version: 1 }) as Grant);
    return { body: {} };
  };
  const { seen, listeners } = show(<Live />, { connections: [connection], agents: [agent], answer });
  const call = (decision: string) => {
    const record = { seq: records.length + 1, kind: "outcome", user: "root", agent: "claude", tool: "sample.list_notes", decision, time: "2026-11-23T10:00:00Z" } as AuditRecord;
    records.push(record);
    act(() => listeners[0]?.onMessage(JSON.stringify({ type: "audit", record })));
  };

  // What writes or destroys is not chosen unasked.
  const boxes = await screen.findAllByRole("checkbox");
  expect(boxes.map((box) => (box as HTMLInputElement).checked)).toEqual([true, true, false, false]);
  await userEvent.click(screen.getByTestId("start-allow"));
  await waitFor(() => expect(story()).toBe("waiting"));
  expect(screen.getByTestId("start-test-line")).toHaveTextContent("/opt/agw call sample.list_notes");
  call("allow");
  await waitFor(() => expect(story()).toBe("allowed"));
  expect(screen.getByTestId("first-call-row")).toHaveTextContent("root / claude");
  await userEvent.click(screen.getByTestId("start-revoke"));
  await waitFor(() => expect(story()).toBe("taken"));
  call("deny");
  await waitFor(() => expect(story()).toBe("denied"));
  const changes = seen.filter(({ method }) => method === "POST").map(({ body }) => body);
  expect(changes).toEqual([
    { add: [{ subject: "root", tool: "sample.list_notes", effect: "allow" }, { subject: "root", tool: "sample.read_note", effect: "allow" }] },
    { remove: [{ id: "g0", version: 1 }, { id: "g1", version: 1 }] },
  ]);
});

/** These tools, and no calls yet. */
const offering =
  (tools: unknown[]) =>
  ({ path }: Seen): Reply | undefined =>
    path === "/api/v1/tools" ? { body: tools } : path.startsWith("/api/v1/audit") ? { body: { records: [] } } : undefined;

it("offers what writes, too, where nothing says that it only reads, and chooses none of it", async () => {
  const { seen } = show(<Live />, { connections: [connection], agents: [agent], answer: offering([tool("send", "write")]) });
  expect(await screen.findByRole("checkbox")).not.toBeChecked();
  expect(screen.getByTestId("start-allow")).toBeDisabled();
  await userEvent.click(screen.getByRole("checkbox"));
  await userEvent.click(screen.getByTestId("start-allow"));
  await waitFor(() => expect(seen.find(({ method }) => method === "POST")?.body).toEqual({ add: [{ subject: "root", tool: "sample.send", effect: "allow" }] }));
});

it.each([
  { health: "failed", problem: "npx is not there", says: "sample is not ready: npx is not there. Go back to see what it needs." },
  { health: "ready", problem: null, says: "sample offers no tools. Choose another connection, or go back and connect one." },
])("says why there is nothing to allow: $says", async ({ health, problem, says }) => {
  show(<Live />, { connections: [{ ...connection, health, problem, tools: 0 }] });
  expect(await screen.findByTestId("start-nothing")).toHaveTextContent(says);
});

it("takes the token of a connected program for the test call, so that none has to be known", async () => {
  const grant = { id: "g1", subject: "root", tool: "sample.list_notes", effect: "allow", version: 1 };
  const answer = ({ path }: Seen): Reply | undefined => (path === "/api/v1/tools" ? { body: [tool("list_notes", "read")] } : path === "/api/v1/grants" ? { body: [grant] } : path.startsWith("/api/v1/audit") ? { body: { records: [] } } : undefined);
  show(
    <Events>
      <FirstCall tokenFile="/home/ana/my data/zed.token" />
    </Events>,
    { connections: [connection], agents: [agent], answer },
  );
  const line = await screen.findByTestId("start-test-line");
  await waitFor(() => expect(line).toHaveTextContent("/opt/agw call --token-file '/home/ana/my data/zed.token' sample.list_notes"));
});

it("tells nothing of calls to other tools", async () => {
  const record = { seq: 1, kind: "outcome", user: "root", agent: "claude", tool: "crm.read", decision: "allow", time: "2026-11-23T10:00:00Z" };
  const answer = ({ path }: Seen): Reply | undefined => (path === "/api/v1/tools" ? { body: [tool("list_notes", "read")] } : path.startsWith("/api/v1/audit") ? { body: { records: [record] } } : undefined);
  const { seen } = show(<Live />, { connections: [connection], agents: [agent], answer });
  await screen.findByTestId("start-allow");
  await waitFor(() => expect(seen.some(({ path }) => path.startsWith("/api/v1/audit"))).toBe(true));
  expect(screen.queryByTestId("first-call")).toBeNull();
});

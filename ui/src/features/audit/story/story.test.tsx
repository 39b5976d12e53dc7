import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import type { EventFeed } from "../../../api/events";
import { EventsProvider } from "../../../api/gateway";
import type { AuditRecord, Role } from "../../../api/types";
import { fakeHost, type Reply, renderWith, type Seen, signedIn } from "../../../test/gateway";
import { CallDrawer } from "./call-drawer";
import { argumentsOf, tell } from "./tell";

const of = (seq: number, kind: string, rest: Partial<AuditRecord> = {}): AuditRecord => ({
  seq,
  kind,
  time: `2026-11-20T12:00:0${seq}.000Z`,
  call_id: "c1",
  user: "ana",
  agent: "claude",
  tool: "gmail.send",
  ...rest,
});
const asked = of(1, "approval", { status: "asked", decision: "ask", approval: "p4" });
const approved = of(2, "approval", { status: "approved", decision: "ask", approval: "p4", by: "root", detail: "<i>fine</i>" });
const intent = of(3, "intent", {
  decision: "allow",
  effect: "destructive",
  face: "mcp",
  policy_version: 7,
  grants: ["g1", "g2", "g3"],
  args: { to: "array(1)", body: "string(40)" } as unknown as Record<string, never>,
  clear: { to: ["<img src=x onerror=alert(1)>"] } as unknown as Record<string, never>,
  args_digest: "ab12",
  body: true,
});
const outcome = of(4, "outcome", { decision: "allow", reason: "approved", status: "ok", duration_ms: 12, policy_version: 7 });
const grant = { id: "g1", subject: "ana", tool: "gmail.*", effect: "ask" };

function drawn(role: Role, records: readonly AuditRecord[], other: (request: Seen) => Reply = () => ({ body: {} })) {
  const grants = [
    { id: "g1", grant, changed_since: false },
    { id: "g2", grant: { ...grant, id: "g2" }, changed_since: true },
    { id: "g3", grant: null, changed_since: false },
  ];
  const fake = fakeHost(signedIn(role, (request) => (request.path === "/api/v1/audit/c1" ? { body: { records, grants: records.some((one) => one.grants) ? grants : [] } } : other(request))));
  renderWith(fake.host, <CallDrawer id="c1" grantHref={(id) => `#/${id}`} GrantLine={({ grant: { tool } }) => <span>{tool}</span>} Why={() => <p>why</p>} GrantThis={() => <p>grant</p>} onClose={vi.fn()} />);
  return fake;
}

describe("the story of a call", () => {
  it("is told from question to outcome, as text", async () => {
    drawn("auditor", [asked, approved, intent, outcome]);
    const story = await screen.findByTestId("call-story");
    expect(screen.getAllByTestId("story-step").map((step) => step.dataset.what)).toEqual(["asked", "approved", "intent", "outcome"]);
    expect(story).toHaveTextContent("Approved once by root");
    expect(story).toHaveTextContent("“<i>fine</i>”");
    expect(story).toHaveTextContent("after 12 ms");
    expect(screen.getByTestId("story-decision")).toHaveTextContent("Approved by a person approved");
    expect(screen.getByTestId("story-decision")).toHaveTextContent("version 7");
    expect(story.querySelector("img, i")).toBeNull();
  });

  it("does not call a call denied whose agent was told to come back for the answer", async () => {
    const told = of(2, "outcome", { decision: "ask", reason: "approval_pending", status: "denied", approval: "p4", duration_ms: 50_000 });
    drawn("auditor", [asked, told, { ...approved, seq: 3 }]);
    const steps = await screen.findAllByTestId("story-step");
    expect(steps.map((step) => step.dataset.what)).toEqual(["asked", "outcome", "approved"]);
    expect(steps[1]).toHaveTextContent(/Told to wait after 50.*Nothing was forwarded/);
    expect(screen.getByTestId("call-story")).not.toHaveTextContent("Denied");
    expect(screen.queryByText("grant")).toBeNull();
  });

  it("tells arguments in clear from those of which only the shape is kept", async () => {
    drawn("auditor", [intent, outcome]);
    const [clear, shape] = await screen.findAllByTestId("story-argument");
    expect(clear).toHaveAttribute("data-clear", "true");
    expect(clear).toHaveTextContent("to<img src=x onerror=alert(1)>");
    expect(shape).toHaveAttribute("data-clear", "false");
    expect(shape).toHaveTextContent("bodystring(40)");
  });

  it("says which grants are not what they were", async () => {
    drawn("auditor", [intent, outcome]);
    const same = await screen.findByTestId("story-grant-g1");
    expect(same).not.toHaveTextContent(/changed|no longer/i);
    expect(within(same).getByRole("link")).toHaveAttribute("href", "#/g1");
    expect(screen.getByTestId("story-grant-g2")).toHaveTextContent("Changed since then");
    const gone = screen.getByTestId("story-grant-g3");
    expect(gone).toHaveTextContent("No longer there");
    expect(within(gone).queryByRole("link")).toBeNull();
  });

  it("opens what was kept only when asked to, after saying that this is recorded, and rounds nothing", async () => {
    const body = { arguments: { id: 1 }, result: null };
    const { seen } = drawn("admin", [intent, outcome], ({ path }) => (path.startsWith("/api/v1/audit/bodies/") ? { body } : { body: {} }));
    const open = await screen.findByTestId("bodies-open");
    expect(open).toHaveAccessibleDescription(/recorded, with your name/);
    expect(seen.some(({ path }) => path.includes("bodies"))).toBe(false);
    await userEvent.click(open);
    expect(await screen.findByTestId("bodies-text")).toHaveTextContent('{ "id": 1 }');
    expect(seen.filter(({ path }) => path === "/api/v1/audit/bodies/c1")).toHaveLength(1);
    await userEvent.click(screen.getByTestId("bodies-hide"));
    expect(screen.queryByTestId("bodies-text")).toBeNull();
  });

  it("offers what was kept to admins only", async () => {
    drawn("auditor", [intent, outcome]);
    expect(await screen.findByTestId("story-bodies")).toHaveTextContent("only an admin can open them");
    expect(screen.queryByTestId("bodies-open")).toBeNull();
  });

  it("says where words were erased", async () => {
    drawn("auditor", [{ ...intent, erased: true, clear: null, body: false }, outcome]);
    expect(await screen.findByTestId("story-erased")).toBeVisible();
    expect(screen.queryByTestId("story-bodies")).toBeNull();
  });

  it("does not claim that a refused call was forwarded, nor that a running one ended", async () => {
    drawn("auditor", [of(1, "outcome", { decision: "deny", reason: "not_granted", status: "denied" })]);
    expect(await screen.findByText("Nothing was forwarded")).toBeVisible();
  });

  it("shows a record that is about no call as what it is", async () => {
    drawn("auditor", [{ seq: 9, kind: "config", time: "2026-11-20T12:00:00Z", user: "root", status: "user_added", detail: "<b>ana</b>" }]);
    const story = await screen.findByTestId("call-story");
    expect(story).toHaveTextContent("Configuration #9");
    expect(story).toHaveTextContent("User added");
    expect(story).toHaveTextContent("<b>ana</b>");
    expect(screen.queryByTestId("story-decision")).toBeNull();
  });

  it("is read again when more of it is recorded", async () => {
    let hear: ((record: AuditRecord) => void) | undefined;
    const events: EventFeed = {
      onAudit: (listener) => {
        hear = listener;
        return () => {};
      },
      onGap: () => () => {},
    };
    const records = [intent];
    const { host } = fakeHost(signedIn("auditor", () => ({ body: { records, grants: [] } })));
    renderWith(
      host,
      <EventsProvider value={events}>
        <CallDrawer id="c1" grantHref={String} GrantLine={() => null} Why={() => null} GrantThis={() => null} onClose={vi.fn()} />
      </EventsProvider>,
    );
    expect(await screen.findByText("Not answered yet")).toBeVisible();
    records.push(outcome);
    hear?.(of(9, "outcome", { call_id: "another" }));
    hear?.(outcome);
    expect(await screen.findByText("after 12 ms")).toBeVisible();
    expect(screen.queryByText("Not answered yet")).toBeNull();
  });
});

describe("tell", () => {
  it("takes the outcome's word for how it was decided", () => {
    expect(tell([intent, of(5, "outcome", { decision: "deny", reason: "rules_changed", status: "denied" })]).decided?.decision).toBe("deny");
    expect(tell([asked]).decided?.decision).toBe("ask");
  });

  it("keeps a shape whose inner fields alone are in clear", () => {
    const names = argumentsOf({ args: { message: "object(2)", to: "string(3)" }, clear: { "message.subject": ["Hi"], to: ["bo"] } }).map(({ path, values }) => [path, values !== undefined]);
    expect(names).toEqual([
      ["message.subject", true],
      ["to", true],
      ["message", false],
    ]);
  });
});

import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Grant, Role, Simulation, Team, Tool, User } from "../../../api/types";
import { fakeHost, renderWith, type Reply, type Seen, signedIn } from "../../../test/gateway";
import { GrantsView } from "../grants-view";
import type { GridFilter } from "./grid-toolbar";

const created_at = "2026-01-01T00:00:00Z";
const user = (name: string, teams: string[] = []): User => ({ id: `u-${name}`, name, role: "member", can_sign_in: true, paused: false, teams, has_token: true, agents: 0, version: 1, created_at });
const tool = (id: string): Tool => ({ id, mcp_name: id, connection: id.split(".")[0] ?? "", description: '<img src=x onerror="alert(1)">' });
const grant = (id: string, subject: string, name: string, more: Partial<Grant> = {}): Grant => ({ id, subject, tool: name, effect: "allow", version: 3, created_at, ...more });
const team: Team = { id: "t1", name: "sales", members: ["bo"], version: 1 };
const nothing: Simulation = { calls: 3, flipped: 0, unknown: 0, truncated: false, users: [], tools: [], flips: [] };

interface World {
  grants?: Grant[];
  tools?: Tool[];
  users?: User[];
  role?: Role;
  simulation?: Simulation;
  filter?: Partial<GridFilter>;
  /** Answers to changes, before the world's own. */
  change?: (request: Seen, grants: Grant[]) => Reply | undefined;
}

/** The page over a gateway whose grants are as they are until a change is answered. */
function show({ grants = [], tools = [tool("fs.read"), tool("fs.write"), tool("gmail.send")], users = [user("ana"), user("bo", ["sales"])], role = "admin", simulation = nothing, filter = {}, change }: World = {}) {
  const fake = fakeHost(
    signedIn(role, (request) => {
      const { path } = request;
      if (path === "/api/v1/changes") return change?.(request, grants) ?? { body: [] };
      if (path === "/api/v1/simulations") return { body: simulation };
      const lists: Record<string, unknown> = { users, grants, tools, agents: [], teams: [team], health: { state: "enforcing", version: "1" } };
      return { body: lists[path.split("/")[3]?.split("?")[0] ?? ""] ?? [] };
    }),
  );
  function Page() {
    const [at, setAt] = useState<GridFilter>({ subject: undefined, find: undefined, who: undefined, ...filter });
    return <GrantsView view="grid" filter={at} grant={undefined} newToolsHref="#" onView={() => {}} onFilter={setAt} onUnsaved={() => {}} />;
  }
  renderWith(fake.host, <Page />);
  const changes = () => fake.seen.filter(({ path }) => path === "/api/v1/changes").map(({ body }) => body);
  return { ...fake, changes };
}

const press = (keys: string) => userEvent.keyboard(keys);
const cell = (subject: string, name: string) => screen.getByTestId(`cell-${subject}-${name}`);

const label = (subject: string, name: string) => cell(subject, name).getAttribute("aria-label");
const selected = () => screen.getAllByRole("gridcell", { selected: true }).map((found) => found.dataset.testid);

/** Answers the first change as stale; the first grant is a deny by then. */
function stale(request: Seen, grants: Grant[]): Reply | undefined {
  const asked = request.body as { edit: { id: string; version: number }[] };
  if (asked.edit[0]?.version !== 3) return undefined;
  grants[0] = { ...grants[0], effect: "deny", version: 4 } as Grant;
  return { status: 409, body: { code: "stale", message: "It changed.", next: "Look.", current: grants[0] } };
}

async function inGrid() {
  const grid = await screen.findByTestId("permission-grid");
  await waitFor(() => expect(screen.queryByTestId("grid-allow")).toBeEnabled());
  grid.focus();
  return grid;
}

const active = (grid: HTMLElement) => document.getElementById(grid.getAttribute("aria-activedescendant") ?? "")?.dataset.testid;

beforeEach(() => {
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(1_000);
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(600);
});
afterEach(() => vi.restoreAllMocks());

describe("by keyboard", () => {
  it("moves by arrows, Home, End and pages, and keeps to the grid", async () => {
    show();
    const grid = await inGrid();
    expect(active(grid)).toBe("cell-team:sales-*");
    await press("{ArrowDown}{ArrowDown}{ArrowRight}");
    expect(active(grid)).toBe("cell-ana-fs.read");
    await press("{End}{ArrowRight}");
    expect(active(grid)).toBe("cell-bo-fs.read");
    await press("{Home}{ArrowLeft}");
    expect(active(grid)).toBe("row-fs.read");
    await press("{Control>}{End}{/Control}");
    expect(active(grid)).toBe("cell-bo-gmail.send");
    await press("{PageUp}{PageUp}{ArrowUp}{ArrowUp}{ArrowUp}{ArrowUp}{ArrowUp}{ArrowUp}");
    expect(active(grid)).toBe("cell-bo-*");
    expect(grid).toHaveFocus();
  });

  it("sets by letters, takes back, and asks the gateway for nothing before it is applied", async () => {
    const { changes } = show();
    await inGrid();
    await press("{ArrowDown}{ArrowDown}{ArrowRight}a");
    expect(cell("ana", "fs.read")).toHaveAttribute("data-pending", "allow");
    await press("k");
    expect(cell("ana", "fs.read")).toHaveAttribute("data-pending", "ask");
    await press(" ");
    expect(cell("ana", "fs.read")).toHaveAttribute("data-pending", "deny");
    await press("{Control>}z{/Control}");
    expect(cell("ana", "fs.read")).toHaveAttribute("data-pending", "ask");
    await press("{Backspace}");
    expect(cell("ana", "fs.read")).not.toHaveAttribute("data-pending");
    expect(changes()).toEqual([]);
  });

  it("applies all edits as one change, and never shows as set what the gateway does not have", async () => {
    const { changes } = show({ grants: [grant("g1", "ana", "fs.write", { rate: "10/min", expires_at: "2030-01-01T00:00:00Z" }), grant("g2", "bo", "fs.read")] });
    await inGrid();
    await press("{ArrowDown}{ArrowDown}{ArrowRight}a{ArrowDown}k{ArrowUp}{ArrowRight}{Delete}");
    await screen.findByText(/None of 3 past calls/);
    await press("{Control>}{Enter}{/Control}");
    await waitFor(() => expect(changes()).toHaveLength(1));
    expect(changes()[0]).toEqual({
      add: [{ subject: "ana", tool: "fs.read", effect: "allow", version: 0 }],
      // What else the grant says stays as it is.
      edit: [{ id: "g1", subject: "ana", tool: "fs.write", effect: "ask", version: 3, rate: "10/min", expires: "2030-01-01T00:00:00Z" }],
      remove: [{ id: "g2", version: 3 }],
    });
    await waitFor(() => expect(screen.queryByTestId("grid-changes")).toBeNull());
    expect(cell("ana", "fs.read")).toHaveAttribute("data-own", "none");
  });

  it("opens a card that says why, chooses there, and goes on in the grid", async () => {
    show({ grants: [grant("g1", "team:sales", "fs.*")] });
    const grid = await inGrid();
    await press("{ArrowDown}{ArrowDown}{End}{Enter}");
    const card = await screen.findByTestId("cell-card");
    expect(within(card).getByText("team:sales: fs.*")).toBeVisible();
    expect(card.textContent).toContain('<img src=x onerror="alert(1)">');
    expect(document.querySelector("img")).toBeNull();
    await waitFor(() => expect(screen.getByTestId("grant-fs.read-none")).toHaveFocus());
    await press("d");
    expect(cell("bo", "fs.read")).toHaveAttribute("data-pending", "deny");
    await waitFor(() => expect(grid).toHaveFocus());
    await press("{Enter}");
    await screen.findByTestId("cell-card");
    await press("{Escape}");
    await waitFor(() => expect(screen.queryByTestId("cell-card")).toBeNull());
    expect(grid).toHaveFocus();
  });

  it("closes and opens a connection, and finds tools and people", async () => {
    show();
    const grid = await inGrid();
    await press("{ArrowDown}{Home}{Enter}");
    expect(screen.queryByTestId("row-fs.read")).toBeNull();
    await press("{Enter}");
    expect(screen.getByTestId("row-fs.read")).toBeInTheDocument();
    await press("/");
    expect(screen.getByTestId("grid-find-tools")).toHaveFocus();
    await press("send{Enter}");
    expect(screen.queryByTestId("row-fs.read")).toBeNull();
    expect(screen.getByTestId("row-gmail.send")).toBeInTheDocument();
    expect(grid).toHaveFocus();
    await press("p");
    await press("an{ArrowDown}");
    expect(screen.queryByTestId("cell-bo-gmail.send")).toBeNull();
    expect(cell("ana", "gmail.send")).toBeInTheDocument();
  });
});

describe("many at once", () => {
  it("selects with Shift, and leaves the patterns between tools as they are", async () => {
    show();
    await inGrid();
    await press("{ArrowDown}{ArrowDown}{ArrowDown}{ArrowRight}{Shift>}{ArrowDown}{ArrowDown}{ArrowRight}{/Shift}");
    expect(selected()).toEqual(["cell-ana-fs.write", "cell-bo-fs.write", "cell-ana-gmail.send", "cell-bo-gmail.send"]);
    await press("a");
    expect(screen.getByTestId("grid-changes")).toHaveAttribute("data-count", "4");
    expect(cell("ana", "gmail.*")).not.toHaveAttribute("data-pending");
  });

  it("selects a row, a column, and all tools of a connection", async () => {
    show();
    await inGrid();
    await press("{ArrowDown}{ArrowDown}{Shift>} {/Shift}");
    expect(selected()).toEqual(["cell-team:sales-fs.read", "cell-ana-fs.read", "cell-bo-fs.read"]);
    await press("{Escape}{ArrowLeft}{Control>} {/Control}");
    expect(selected()).toEqual(["cell-ana-fs.read", "cell-ana-fs.write", "cell-ana-gmail.send"]);
    await press("{Escape}{ArrowUp}{ArrowUp}c");
    expect(selected()).toEqual(["cell-ana-fs.read", "cell-ana-fs.write"]);
  });

  it("refuses more than the gateway makes together, and says what to do instead", async () => {
    show({ tools: Array.from({ length: 400 }, (_, n) => tool(`fs.t${n}`)), filter: { find: "fs" } });
    await inGrid();
    await press("{Control>}a{/Control}d");
    expect(screen.getByText(/1,200 changes at once are too many.*Grant a pattern/)).toBeVisible();
    expect(screen.queryByTestId("grid-changes")).toBeNull();
  });
});

it("shows what is inherited as such, and what has a condition, an end or a rate", async () => {
  show({
    grants: [
      grant("g1", "team:sales", "fs.read"),
      grant("g2", "ana", "fs.*", { effect: "ask" }),
      grant("g3", "ana", "gmail.send", { rate: "10/min" }),
      grant("g4", "bo", "gmail.send", { when: "args.n > 1" }),
      grant("g5", "bo", "fs.write", { effect: "deny" }),
    ],
  });
  await inGrid();
  expect(label("bo", "fs.read")).toBe("bo, fs.read: allowed, from a team");
  expect(label("ana", "fs.read")).toBe("ana, fs.read: asks, from a pattern");
  expect(label("team:sales", "fs.read")).toBe("team:sales, fs.read: allowed, set here");
  expect(label("ana", "gmail.send")).toBe("ana, gmail.send: allowed, set here, with an end or a rate");
  expect(label("bo", "gmail.send")).toBe("bo, gmail.send: depends on the call, set here, with a condition");
  expect(label("bo", "fs.write")).toBe("bo, fs.write: denied, set here");
  expect(label("team:sales", "gmail.send")).toBe("team:sales, gmail.send: not granted");
});

describe("before it is applied", () => {
  const flips: Simulation = {
    ...nothing,
    flipped: 2,
    users: ["ana"],
    tools: ["fs.read"],
    flips: [{ user: "ana", agent: null, tool: "fs.read", before: "deny", after: "allow", calls: 2, last_at: created_at }],
  };

  it.each(["one edit", "many edits"])("says of %s which past calls would have been decided otherwise, and asks", async (what) => {
    const { changes, seen } = show({ simulation: flips });
    await inGrid();
    await press(what === "one edit" ? "{ArrowDown}{ArrowDown}{ArrowRight}a" : "{ArrowDown}g{Shift>}{ArrowRight}{/Shift}a");
    expect(await screen.findByTestId("grid-flips")).toHaveTextContent("2 past calls of 3 would have been decided otherwise");
    expect(seen.filter(({ path }) => path === "/api/v1/simulations")).toHaveLength(1);
    await press("{Control>}{Enter}{/Control}");
    const dialog = await screen.findByTestId("grid-review-dialog");
    expect(within(dialog).getByTestId("simulation")).toHaveAttribute("data-flipped", "2");
    expect(changes()).toEqual([]);
    await userEvent.click(screen.getByTestId("grid-review-apply"));
    await waitFor(() => expect(changes()).toHaveLength(1));
    await waitFor(() => expect(screen.queryByTestId("grid-changes")).toBeNull());
  });
});

/** Two edits, one of which clashes. */
async function clash() {
  const world = show({ grants: [grant("g1", "ana", "fs.read")], change: stale });
  await inGrid();
  await press("{ArrowDown}{ArrowDown}{ArrowRight}k{ArrowDown}a");
  await screen.findByText(/None of 3 past calls/);
  await press("{Control>}{Enter}{/Control}");
  await screen.findByTestId("grid-clash");
  return world;
}

describe("when somebody else was faster", () => {
  it("shows both versions side by side, and loses nothing that was set", async () => {
    const { changes } = await clash();
    const row = within(screen.getByTestId("grid-clash")).getByRole("row", { name: /fs\.read/ });
    expect(within(row).getByText("Deny")).toBeVisible();
    expect(within(row).getByText("version 4")).toBeVisible();
    expect(within(row).getByText("Ask")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Back to the grid" }));
    expect(cell("ana", "fs.read")).toHaveAttribute("data-pending", "ask");
    expect(cell("ana", "fs.write")).toHaveAttribute("data-pending", "allow");
    expect(screen.getByText(/1 conflict/)).toBeVisible();
    expect(changes()).toHaveLength(1);
  });

  it("sets mine over it only when told to, and the rest with it", async () => {
    const { changes } = await clash();
    await userEvent.click(screen.getByRole("radio", { name: "Set mine: ana fs.read" }));
    await userEvent.click(screen.getByTestId("grid-clash-apply"));
    await waitFor(() => expect(changes()).toHaveLength(2));
    expect(changes()[1]).toMatchObject({ edit: [{ id: "g1", effect: "ask", version: 4 }], add: [{ tool: "fs.write" }] });
  });

  it("keeps theirs, and applies the rest", async () => {
    const { changes } = await clash();
    await userEvent.click(screen.getByTestId("grid-clash-apply"));
    await waitFor(() => expect(changes()).toHaveLength(2));
    expect(changes()[1]).toMatchObject({ edit: [], add: [{ tool: "fs.write", effect: "allow" }] });
  });
});

it("says why of the cell that the keys rest on, and Escape takes that away", async () => {
  show({ grants: [grant("g1", "ana", "fs.read")] });
  await inGrid();
  await press("{ArrowDown}{ArrowDown}{ArrowRight}");
  const peek = await screen.findByTestId("cell-peek");
  expect(peek).toHaveTextContent("Set here: fs.read");
  await press("{Escape}");
  expect(screen.queryByTestId("cell-peek")).toBeNull();
  await press("{ArrowDown}{Enter}");
  await screen.findByTestId("cell-card");
  // What came by resting would replace what was opened.
  await new Promise((resolve) => setTimeout(resolve, 900));
  expect(screen.getByTestId("cell-card")).toBeVisible();
});

it("keeps all edits when the gateway refuses them", async () => {
  show({ change: () => ({ status: 422, body: { code: "invalid", message: "no such user", next: "Look." } }) });
  await inGrid();
  await press("{ArrowDown}{ArrowDown}a");
  await screen.findByText(/None of 3 past calls/);
  await userEvent.click(screen.getByTestId("grid-apply"));
  expect(await screen.findByText("No such user")).toBeVisible();
  expect(screen.getByTestId("grid-changes")).toHaveAttribute("data-count", "1");
});

it("lets nobody but an admin change anything", async () => {
  show({ role: "auditor", grants: [grant("g1", "ana", "fs.read")] });
  const grid = await screen.findByTestId("permission-grid");
  expect(await screen.findByText(/only an admin changes permissions/)).toBeVisible();
  expect(grid).toHaveAttribute("aria-readonly", "true");
  grid.focus();
  await press("{ArrowDown}{ArrowDown}{ArrowRight}d{Enter}");
  await screen.findByTestId("cell-card");
  expect(screen.queryByTestId("grant-fs.read-deny")).toBeNull();
  expect(screen.queryByTestId("grid-changes")).toBeNull();
});

it("draws a bounded part of 200 people and 1,000 tools", async () => {
  const users = Array.from({ length: 200 }, (_, n) => user(`person-${n}`));
  const tools = Array.from({ length: 1_000 }, (_, n) => tool(`c${n % 20}.tool-${n}`));
  const grants = Array.from({ length: 5_000 }, (_, n) => grant(`g${n}`, `person-${n % 200}`, `c${n % 20}.tool-${n % 1_000}`));
  show({ users, tools, grants });
  const grid = await inGrid();
  await userEvent.click(screen.getByTestId("grid-open-all"));
  expect(grid).toHaveAttribute("aria-rowcount", String(1 + 1 + 20 + 1_000));
  expect(grid).toHaveAttribute("aria-colcount", "202");
  // 600 px of 32, 1,000 px of 40, and a few around.
  expect(screen.getAllByRole("gridcell").length).toBeLessThan(30 * 35);
  expect(screen.getAllByRole("row").length).toBeLessThan(32);
  grid.focus();
  await press("{Control>}{End}{/Control}");
  expect(active(grid)).toBe("cell-person-199-c9.tool-989");
});

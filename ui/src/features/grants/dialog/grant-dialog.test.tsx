import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import type { Grant } from "../../../api/types";
import { fakeHost, renderWith, type Reply, type Seen, signedIn } from "../../../test/gateway";
import { bodyOf, valuesOf } from "./form";
import { GrantDialog } from "./grant-dialog";
import { fieldsOf, newLine, toRules } from "./rules";

const grant: Grant = { id: "g1", subject: "ana", tool: "fs.read", effect: "ask", when: "args.n < 3", rate: "20/day", expires_at: "2030-01-01T00:00:00Z", version: 3, created_at: "2026-01-01T00:00:00Z" };

function show(answer: (request: Seen) => Reply | undefined, draft: Parameters<typeof GrantDialog>[0]["draft"] = { grant }) {
  const fake = fakeHost(
    signedIn("admin", (request) => {
      const own = answer(request);
      if (own) return own;
      if (request.path === "/api/v1/conditions") return { body: { when: (request.body as { when: string }).when } };
      return { body: [] };
    }),
  );
  const onClose = vi.fn();
  renderWith(fake.host, <GrantDialog draft={draft} onClose={onClose} />);
  return { ...fake, onClose };
}

const puts = (seen: Seen[]) => seen.filter((request) => request.method === "PUT");

it("shows both rows of a conflict, keeps the form, and saves over it only when told to", async () => {
  const current = { ...grant, effect: "deny", when: null, version: 7 };
  const { seen, onClose } = show(({ method, body }) =>
    method !== "PUT" ? undefined : (body as Grant).version === 7 ? { body: current } : { status: 409, body: { code: "stale", message: "It changed.", next: "Look.", current } },
  );
  await userEvent.type(screen.getByTestId("grant-cel"), " && user == 'ana'");
  await userEvent.click(screen.getByTestId("grant-save"));
  const stale = await screen.findByTestId("grant-stale");
  expect(stale).toHaveTextContent("args.n < 3 && user == 'ana'");
  expect(stale).toHaveTextContent("Deny");
  expect(screen.getByTestId("grant-cel")).toHaveValue("args.n < 3 && user == 'ana'");
  expect(onClose).not.toHaveBeenCalled();
  await userEvent.click(screen.getByTestId("grant-overwrite"));
  await waitFor(() => expect(onClose).toHaveBeenCalled());
  expect(puts(seen)[1]?.body).toEqual({ subject: "ana", tool: "fs.read", effect: "ask", when: "args.n < 3 && user == 'ana'", expires: "2030-01-01T00:00:00Z", rate: "20/day", version: 7 });
});

it("marks where a condition is wrong, and does not save it", async () => {
  const { seen } = show(({ path }) => (path === "/api/v1/conditions" ? { body: { when: "args.n < 3 oops", problem: "This is no operator.", place: { at: 11, length: 4 } } } : undefined));
  expect(await screen.findByText("This is no operator.")).toBeVisible();
  expect(document.querySelector("mark")).toHaveTextContent(/^oops$/);
  expect(screen.getByTestId("grant-save")).toBeDisabled();
  expect(puts(seen)).toEqual([]);
});

it("says that the grant is gone, and saves it as a new one only when told to", async () => {
  const { seen, onClose } = show(({ method }) => (method === "PUT" ? { status: 404, body: { code: "not_found", message: "Gone.", next: "Look." } } : undefined));
  await userEvent.click(screen.getByTestId("grant-save"));
  expect(await screen.findByText(/was removed while you edited it/)).toBeVisible();
  await userEvent.click(screen.getByTestId("grant-overwrite"));
  await waitFor(() => expect(onClose).toHaveBeenCalled());
  expect(seen.find((request) => request.method === "POST" && request.path === "/api/v1/grants")?.body).toMatchObject({ version: 0, when: "args.n < 3" });
});

it("tries the change on past calls before it is saved", async () => {
  const simulation = { calls: 10, flipped: 2, unknown: 1, truncated: false, users: ["ana"], tools: ["fs.read"], flips: [{ user: "ana", agent: null, tool: "fs.read", before: "allow", after: "ask", calls: 2, last_at: "2026-01-01T00:00:00Z" }] };
  const { seen } = show(({ path }) => (path === "/api/v1/simulations" ? { body: simulation } : undefined));
  await userEvent.click(screen.getByTestId("simulate"));
  expect(await screen.findByText("2 calls of 10 would have been decided otherwise")).toBeVisible();
  expect(screen.getByText(/Of 1 call nothing can be said/)).toBeVisible();
  const edit = [{ id: "g1", subject: "ana", tool: "fs.read", effect: "ask", when: "args.n < 3", expires: "2030-01-01T00:00:00Z", rate: "20/day", version: 3 }];
  expect(seen.find((request) => request.path === "/api/v1/simulations")?.body).toEqual({ change: { edit }, since: "7d" });
  expect(puts(seen)).toEqual([]);
});

it("asks for what is missing before it asks the gateway", async () => {
  const { seen } = show(() => undefined, {});
  await userEvent.click(screen.getByTestId("grant-save"));
  expect(await screen.findByText("Choose for whom")).toBeVisible();
  expect(screen.getByText("Enter a tool or a pattern")).toBeVisible();
  expect(seen.filter((request) => request.method !== "GET")).toEqual([]);
});

it("makes of a form what the gateway takes", () => {
  const values = { ...valuesOf({ subject: "ana", tool: " fs.* " }), expiry: "7d" as const, rateCalls: "10", rateUnit: "min" as const };
  expect(bodyOf(values, undefined, undefined)).toEqual({ subject: "ana", tool: "fs.*", effect: "allow", expires: "7d", rate: "10/min" });
});

it("takes lines for rules once they are complete", () => {
  const fields = fieldsOf({ type: "object", properties: { amount: { type: "number" }, filter: { properties: { owner: { type: "string" } } } } });
  expect(fields.map((field) => field.name)).toEqual(["amount", "filter", "filter.owner"]);
  expect(toRules([newLine()], fields)).toBeUndefined();
  expect(
    toRules(
      [
        { ...newLine("one_of"), field: "amount", values: ["1", "2"] },
        { ...newLine("one_of"), field: "filter.owner", values: ["1"] },
        { ...newLine("at_most"), field: "amount", limit: "99.5" },
        { ...newLine("between"), from: "22", to: "6", zone: "Europe/Zurich" },
      ],
      fields,
    ),
  ).toEqual([
    { kind: "one_of", field: "amount", values: [1, 2] },
    { kind: "one_of", field: "filter.owner", values: ["1"] },
    { kind: "at_most", field: "amount", limit: 99.5 },
    { kind: "between", from: 22, to: 6, zone: "Europe/Zurich" },
  ]);
});

it("reads no fields from a schema that is none", () => {
  for (const schema of [undefined, null, [], "x", { properties: [] }, { properties: { a: null } }]) expect(fieldsOf(schema).length).toBeLessThan(2);
});

it("explains patterns of prompts and resources, and knows what a condition on a resource is about", async () => {
  show(() => undefined, { subject: "ana", tool: "docs.@resource/file:///notes/*" });
  expect(await screen.findByText("All resources of docs whose URI begins with file:///notes/")).toBeVisible();
  const field = screen.getByTestId("grant-tool");
  for (const [typed, meaning] of [
    ["docs.@prompt/*", /All prompts of docs, later ones included/],
    ["docs.@prompt/review", "The prompt review of docs"],
    ["docs.*", /Everything of docs, later additions included: tools, prompts and resources/],
    ["*:read", /and all prompts and resources/],
    ["gmail.send", /Prompts and resources: docs\.@prompt\/review/],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop
    await userEvent.clear(field);
    // oxlint-disable-next-line no-await-in-loop
    await userEvent.type(field, typed);
    expect(screen.getByText(meaning)).toBeVisible();
  }
});

it("says how a template is granted", async () => {
  const template = { id: "docs.@resource/note:///{id}", kind: "template", grant_as: "docs.@resource/note:///*", mcp_name: "", connection: "docs", description: "" };
  show(({ path }) => (path === "/api/v1/tools" ? { body: [template] } : undefined), { subject: "ana", tool: template.id });
  expect(await screen.findByText(/granted with all that begins like it: docs\.@resource\/note:\/\/\/\*/)).toBeVisible();
});

import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import type { Role } from "../../../api/types";
import { fakeHost, renderWith, signedIn } from "../../../test/gateway";
import { ExplainPanel } from "./explain-panel";

const explanation = {
  decision: "deny",
  reason: "not_granted",
  sentence: "nothing grants fs.read to ana",
  grants: [],
  steps: [
    {
      grant: { id: "g1", subject: "ana", tool: "fs.*", effect: "allow", when: "args.n < 3", version: 1, created_at: "2026-01-01T00:00:00Z" },
      outcome: "condition_false",
      detail: "args.n < 3 is false for args.n = 7",
    },
  ],
  needs: null,
  policy_version: 4,
};

async function ask(role: Role) {
  const fake = fakeHost(signedIn(role, ({ path }) => ({ body: path === "/api/v1/explain" ? explanation : [] })));
  renderWith(fake.host, <ExplainPanel caller="ana/claude" />);
  await userEvent.type(screen.getByTestId("explain-tool"), "fs.read");
  await userEvent.click(screen.getByTestId("explain-args"));
  await userEvent.paste('{"n": 12345678901234567890}');
  await userEvent.click(screen.getByTestId("explain-ask"));
  await screen.findByTestId("explanation");
  return fake;
}

it("says why in words, grant by grant, and sends the arguments as they were typed", async () => {
  const { seen } = await ask("member");
  expect(seen.find((request) => request.path === "/api/v1/explain")?.body).toEqual({ caller: "ana/claude", tool: "fs.read", args: '{"n": 12345678901234567890}' });
  expect(screen.getByText("Nothing allows it")).toBeVisible();
  expect(screen.getByText("Condition does not hold")).toBeVisible();
  expect(screen.getByText("args.n < 3 is false for args.n = 7")).toBeVisible();
  expect(screen.queryByTestId("explain-grant")).toBeNull();
});

it("lets an admin grant what is missing", async () => {
  await ask("admin");
  await userEvent.click(await screen.findByTestId("explain-grant"));
  await waitFor(() => expect(screen.getByTestId("grant-tool")).toHaveValue("fs.read"));
  expect(screen.getByTestId("grant-subject")).toHaveValue("ana/claude");
});

it("answers at once whoever comes from a call or a cell", async () => {
  const { host, seen } = fakeHost(signedIn("admin", ({ path }) => ({ body: path === "/api/v1/explain" ? explanation : [] })));
  renderWith(host, <ExplainPanel caller="ana/claude" tool="fs.read" />);
  expect(await screen.findByText("Nothing allows it")).toBeVisible();
  expect(seen.filter(({ path }) => path === "/api/v1/explain").map(({ body }) => body)).toEqual([{ caller: "ana/claude", tool: "fs.read" }]);
});

import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";

import type { Role } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { GrantThis } from "./grant-this";

function shown(reason: string, role: Role = "admin") {
  const fake = fakeHost(
    signedIn(role, ({ path, method }) => {
      if (path === "/api/v1/health") return { body: { state: "enforcing", version: "1" } };
      if (path === "/api/v1/users") return { body: [{ id: "u1", name: "ana", role: "member", teams: [], version: 1 }] };
      if (path === "/api/v1/agents") return { body: [{ user: "ana", name: "claude", scope: [] }] };
      if (path === "/api/v1/conditions") return { body: { when: "" } };
      if (path === "/api/v1/grants" && method === "POST") return { status: 201, body: {} };
      return { body: [] };
    }),
  );
  renderWith(fake.host, <GrantThis caller="ana/claude" tool="crm.read" reason={reason} />);
  return fake;
}

describe("grant this", () => {
  it.each([
    ["not_granted", "ana"],
    ["out_of_scope", "ana/claude"],
  ])("%s: proposes the one tool to %s, and grants nothing by itself", async (reason, subject) => {
    const { seen } = shown(reason);
    await userEvent.click(await screen.findByTestId("grant-this"));
    expect(await screen.findByTestId("grant-tool")).toHaveValue("crm.read");
    expect(seen.some(({ method, path }) => method === "POST" && path === "/api/v1/grants")).toBe(false);
    await userEvent.click(screen.getByTestId("grant-save"));
    await waitFor(() => expect(seen.find(({ method, path }) => method === "POST" && path === "/api/v1/grants")?.body).toMatchObject({ subject, tool: "crm.read", effect: "allow" }));
  });

  it("is offered neither where a grant would not help nor to who may not grant", async () => {
    shown("denied_by_grant");
    shown("not_granted", "auditor");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(screen.queryByTestId("grant-this")).toBeNull();
  });
});

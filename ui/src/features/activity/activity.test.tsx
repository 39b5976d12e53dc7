import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import type { Agent } from "../../api/types";
import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { ActivityPanel } from "./activity-panel";

it("counts the last hour by minute, from the trail, and leads to what was chosen", async () => {
  const now = Math.floor(Date.now() / 60_000) * 60_000;
  const { host, seen } = fakeHost(
    signedIn("admin", ({ path }) => {
      const [page, query] = path.split("?");
      if (page === "/api/v1/audit/timeline") {
        const since = Date.parse(new URLSearchParams(query).get("since") ?? "");
        const buckets = Array.from({ length: Number(new URLSearchParams(query).get("buckets")) }, (_, at) => ({ since: new Date(since + at * 60_000).toISOString(), calls: 2, denied: at === 0 ? 1 : 0, others: 0 }));
        return { body: { since: new Date(since).toISOString(), until: new Date(now).toISOString(), width_ms: 60_000, buckets, next: null } };
      }
      if (page === "/api/v1/status") return { body: { state: "enforcing", approvals: 4 } };
      if (page === "/api/v1/health") return { body: { state: "enforcing", version: "1" } };
      return { body: [{ name: "claude", user: "ana", last_used_at: new Date().toISOString() } as Agent, { name: "old", user: "ana" } as Agent] };
    }),
  );
  const go = vi.fn();
  renderWith(host, <ActivityPanel deniedHref="#/denied" approvalsHref="#/approvals" trailHref={(since, until) => `${since} ${until}`} go={go} />);
  expect(await screen.findByText("120")).toBeVisible();
  await waitFor(() => expect(screen.getByTestId("count-waiting")).toHaveTextContent("4"));
  expect(screen.getByTestId("count-denied")).toHaveTextContent("1");
  await waitFor(() => expect(screen.getByText("Agents active").nextSibling).toHaveTextContent("1 / 2"));
  const asked = seen.find(({ path }) => path.includes("timeline"))?.path ?? "";
  expect(asked).toContain("kind=outcome");
  expect(asked).toContain("buckets=60");
  const bars = screen.getAllByRole("button");
  expect(bars).toHaveLength(60);
  bars.at(-1)?.focus();
  await userEvent.keyboard("{Home}{Enter}");
  const [since, until] = String(go.mock.calls[0]?.[0]).split(" ").map((time) => Date.parse(time));
  expect((until ?? 0) - (since ?? 0)).toBe(59_999);
});

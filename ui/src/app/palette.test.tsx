import { spotlight } from "@mantine/spotlight";
import { act, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import { fakeHost, renderWith, signedIn } from "../test/gateway";
import { Palette } from "./palette";

vi.mock("@tanstack/react-router", async (load) => ({ ...(await load<object>()), useNavigate: () => vi.fn() }));

it("says when all agents could not be paused", async () => {
  const { host, seen } = fakeHost(
    signedIn("admin", ({ method, path }) => {
      if (path === "/api/v1/health") return { body: { state: "enforcing", version: "1" } };
      return method === "POST" ? { status: 503, body: { code: "audit_unavailable", message: "nothing can be recorded", next: "free disk space" } } : { body: [] };
    }),
  );
  renderWith(host, <Palette onKeys={() => {}} />);
  await waitFor(() => expect(seen.some(({ path }) => path === "/api/v1/health")).toBe(true));
  act(() => spotlight.open());
  await userEvent.click(await screen.findByText("Pause all agents"));
  expect(await screen.findByText(/othing can be recorded/)).toBeInTheDocument();
  expect(seen.filter(({ method }) => method === "POST").map(({ path, body }) => [path, body])).toEqual([["/api/v1/pause", undefined]]);
});

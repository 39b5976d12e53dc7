import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it, vi } from "vitest";

import type { Role } from "../../api/types";
import { fakeHost, type Reply, renderWith, signedIn } from "../../test/gateway";
import { pathsOf } from "./paths";
import { RecordingDialog } from "./recording-dialog";

const schema = {
  properties: {
    to: { type: "array", items: { type: "string" } },
    message: { type: "object", properties: { subject: { type: "string" }, parts: { type: "array", items: { properties: { name: {} } } } } },
  },
};
const tool = { id: "gmail.send", mcp_name: "gmail_send", connection: "gmail", description: "", input_schema: schema, recording: { clear: ["to"], bodies: false, version: 2 } };

function shown(role: Role, put: Reply = { body: {} }) {
  const onClose = vi.fn();
  const fake = fakeHost(signedIn(role, ({ method }) => (method === "PUT" ? put : { body: tool })));
  renderWith(fake.host, <RecordingDialog tool="gmail.send" onClose={onClose} />);
  return { ...fake, onClose };
}

describe("pathsOf", () => {
  it("names the leaves, through objects and lists", () => {
    expect(pathsOf(schema)).toEqual(["to", "message.subject", "message.parts.name"]);
  });

  it.each([undefined, null, 7, "x", [], { properties: null }, { properties: { a: null } }])("takes %j", (odd) => {
    expect(() => pathsOf(odd)).not.toThrow();
  });

  it("is bounded, whatever the server says", () => {
    const wide = { properties: Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`a${index}`, {}])) };
    expect(pathsOf(wide)).toHaveLength(200);
    const deep: Record<string, unknown> = {};
    deep.properties = { a: deep };
    expect(pathsOf(deep)).toEqual(["a.a.a.a"]);
  });
});

it("keeps more of a tool's calls when an admin says so", async () => {
  const { seen, onClose } = shown("admin");
  await userEvent.click(await screen.findByTestId("recording-bodies"));
  await userEvent.type(screen.getByTestId("recording-clear"), "message.subject,");
  await userEvent.click(screen.getByTestId("recording-save"));
  await waitFor(() => expect(onClose).toHaveBeenCalled());
  expect(seen.find(({ method }) => method === "PUT")).toEqual({ method: "PUT", path: "/api/v1/tools/gmail.send/recording", body: { clear: ["to", "message.subject"], bodies: true, version: 2 } });
});

it("shows what somebody else saved, and keeps what was typed", async () => {
  const { onClose } = shown("admin", { status: 409, body: { code: "stale", message: "Changed.", next: "Look.", current: { clear: ["cc"], bodies: true, version: 3 } } });
  await userEvent.click(await screen.findByTestId("recording-bodies"));
  await userEvent.click(screen.getByTestId("recording-save"));
  expect(await screen.findByTestId("stale")).toHaveTextContent("cc");
  expect(screen.getByTestId("recording-bodies")).toBeChecked();
  expect(onClose).not.toHaveBeenCalled();
});

it("lets others see it", async () => {
  shown("auditor");
  expect(await screen.findByText("Full arguments and results are not kept.")).toBeVisible();
  expect(screen.queryByTestId("recording-save")).toBeNull();
});

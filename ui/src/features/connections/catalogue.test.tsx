import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { fakeHost, renderWith, signedIn } from "../../test/gateway";
import { AddDialog } from "./add-dialog";
import { CATALOGUE, inputOf, searchCatalogue } from "./catalogue";

function show() {
  const fake = fakeHost(
    signedIn("admin", ({ method, path }) => {
      if (method === "POST") return { status: 422, body: { code: "invalid", message: "no", next: "do" } };
      return { body: path === "/api/v1/status" ? { state: "enforcing", program: "/opt/agw dir/agw" } : {} };
    }),
  );
  renderWith(fake.host, <AddDialog onClose={() => {}} onAdded={() => {}} />);
  return { posted: () => fake.seen.find((request) => request.method === "POST")?.body };
}

it.each([
  ["git", ["git", "github"]],
  ["database sql", ["sqlite", "postgres", "supabase", "neon"]],
  ["JIRA", ["atlassian"]],
  ["docs", ["cloudflare-docs", "context7", "microsoft-learn", "deepwiki"]],
  ["  ", CATALOGUE.map(({ id }) => id)],
  ["no such server", []],
])("finds by name and purpose: %s", (find, wanted) => {
  const found = searchCatalogue(CATALOGUE, find).map(({ id }) => id);
  expect(wanted.filter((id) => !found.includes(id))).toEqual([]);
  expect(found.length === 0).toBe(wanted.length === 0);
});

it("puts what has the words in its name first", () => {
  expect(searchCatalogue(CATALOGUE, "git")[0]?.id).toBe("git");
});

it.each(CATALOGUE.map((entry) => [entry.id, entry] as const))("is complete and safe: %s", (id, entry) => {
  expect(id).toMatch(/^[a-z][a-z0-9-]{0,31}$/);
  expect(entry.argv === undefined).toBe(entry.url !== undefined);
  expect(new URL(entry.url ?? "https://none").protocol).toBe("https:");
  // Everything that is to be filled in is described, and nothing else is.
  const inputs = (entry.argv ?? []).flatMap((argument) => inputOf(argument) ?? []);
  expect(inputs).toEqual(Object.keys(entry.inputs ?? {}));
  expect(entry.argv === undefined || entry.runtime !== undefined).toBe(true);
  expect(entry.signIn === true && entry.url === undefined).toBe(false);
  expect(searchCatalogue(CATALOGUE, entry.name).map((found) => found.id)).toContain(id);
});

it("adds the sample with two clicks, and shows the command in between", async () => {
  const { posted } = show();
  await userEvent.click(await screen.findByTestId("catalogue-sample"));
  const command = within(await screen.findByRole("list", { name: "Command" })).getAllByRole("listitem");
  expect(command.map((argument) => argument.textContent)).toEqual(["/opt/agw dir/agw", "sample"]);
  expect(screen.getByText(/start its own program/)).toBeVisible();
  expect(posted()).toBeUndefined();
  await userEvent.click(screen.getByTestId("connection-confirm"));
  await waitFor(() => expect(posted()).toMatchObject({ name: "sample", transport: { kind: "stdio", argv: ["/opt/agw dir/agw", "sample"] } }));
});

it("asks for what an entry needs, and for the exact command to be confirmed", async () => {
  const { posted } = show();
  await userEvent.type(screen.getByTestId("catalogue-find"), "folder");
  await userEvent.click(await screen.findByTestId("catalogue-filesystem"));
  await userEvent.click(screen.getByTestId("connection-review"));
  expect(await screen.findByText("Fill this in")).toBeVisible();
  await userEvent.type(screen.getByLabelText(/Folder that agents may work in/), "/srv/docs");
  await userEvent.click(screen.getByTestId("connection-review"));
  expect(await screen.findByText(/start exactly this program/)).toBeVisible();
  expect(posted()).toBeUndefined();
  await userEvent.click(screen.getByTestId("connection-confirm"));
  await waitFor(() => expect(posted()).toMatchObject({ transport: { argv: ["npx", "-y", "@modelcontextprotocol/server-filesystem", "/srv/docs"] } }));
});

it("puts the word before a pasted token, and leaves out what is optional", async () => {
  const { posted } = show();
  await userEvent.click(await screen.findByTestId("catalogue-github"));
  await userEvent.click(screen.getByTestId("connection-credential-value-0"));
  await userEvent.paste("github_pat_1");
  await userEvent.click(screen.getByTestId("connection-review"));
  await userEvent.click(await screen.findByTestId("connection-confirm"));
  await waitFor(() => expect(posted()).toMatchObject({ credentials: [{ name: "Authorization", value: "Bearer github_pat_1" }] }));
});

it("leaves an optional key out when nothing was typed", async () => {
  const { posted } = show();
  await userEvent.click(await screen.findByTestId("catalogue-context7"));
  await userEvent.click(screen.getByTestId("connection-review"));
  await userEvent.click(await screen.findByTestId("connection-confirm"));
  await waitFor(() => expect(posted()).toMatchObject({ name: "context7", credentials: [] }));
});

it("wants a client for those that take only registered ones", async () => {
  show();
  await userEvent.click(await screen.findByTestId("catalogue-slack"));
  await userEvent.click(screen.getByTestId("connection-review"));
  expect(await screen.findByText(/takes only registered clients/)).toBeVisible();
});

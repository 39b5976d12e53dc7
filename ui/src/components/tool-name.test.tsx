import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";

import { ToolLine, ToolName } from "./tool-name";

const show = (id: string) => render(<ToolName id={id} />);

it("says what is no tool, and has the whole of a long name in its title", () => {
  const id = `docs.@resource/file:///${"long/".repeat(400)}`;
  show(id);
  expect(screen.getByText("Resource")).toBeVisible();
  expect(screen.getByTitle(id)).toHaveTextContent(id);
});

it("shows names as text, whatever a server calls its prompts", () => {
  show("docs.@prompt/<img src=x> \u{202e}txt");
  expect(document.querySelector("img")).toBeNull();
  expect(screen.getByText("U+202E")).toBeVisible();
});

it("says nothing of what a tool is", () => {
  show("gmail.send");
  expect(document.body).toHaveTextContent(/^gmail\.send$/);
});

it.each([
  ["gmail.send", /^gmail\.send$/],
  ["docs.@prompt/Code review", /^Promptdocs Code review$/],
  [`docs.@resource/file:///${"long/".repeat(400)}plan.md`, /^Resourcedocs file:\/\/\/long\/.{1,400}….{0,9}\/plan\.md$/],
])("has a line of a table for %s", (id, shown) => {
  render(<ToolLine id={id} />);
  expect(document.body).toHaveTextContent(shown);
});

import { fireEvent, screen } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { fakeHost, renderWith, signedIn } from "../test/gateway";
import { KeySheet, useKeys } from "./keys";

const navigate = vi.hoisted(() => vi.fn());
vi.mock("@tanstack/react-router", async (load) => ({ ...(await load<object>()), useNavigate: () => navigate }));

const sheet = vi.fn();

function Page() {
  useKeys(sheet);
  return <input aria-label="words" />;
}

beforeEach(() => {
  navigate.mockClear();
  sheet.mockClear();
  localStorage.clear();
  renderWith(fakeHost(signedIn("admin", () => ({}))).host, <Page />);
});

const used = (event: KeyboardEvent) => event.preventDefault();
const press = (key: string, at: Element = document.body, more = {}) => fireEvent.keyDown(at, { key, ...more });

it("goes to a page by g and a letter, and lists the keys by ?", () => {
  press("g");
  press("p");
  expect(navigate).toHaveBeenCalledWith({ to: "/people" });
  press("?");
  expect(sheet).toHaveBeenCalledOnce();
});

it("does nothing while one types, with a modifier, or for a letter alone", () => {
  const field = screen.getByLabelText("words");
  press("g", field);
  press("p", field);
  press("?", field);
  press("p");
  press("g", document.body, { ctrlKey: true });
  press("p");
  expect(navigate).not.toHaveBeenCalled();
  expect(sheet).not.toHaveBeenCalled();
});

it("leaves keys alone that the page has used", () => {
  document.body.addEventListener("keydown", used);
  press("?");
  document.body.removeEventListener("keydown", used);
  expect(sheet).not.toHaveBeenCalled();
});

it("lists each shortcut once, also the one of two equal keys", () => {
  const complaints = vi.spyOn(console, "error");
  renderWith(fakeHost(signedIn("admin", () => ({}))).host, <KeySheet onClose={() => {}} />);
  expect(screen.getByText("Go to Permissions").nextSibling).toHaveTextContent("G then G");
  expect(complaints).not.toHaveBeenCalled();
});

it("can be switched off", () => {
  renderWith(fakeHost(signedIn("admin", () => ({}))).host, <KeySheet onClose={() => {}} />);
  fireEvent.click(screen.getByTestId("single-keys"));
  press("?");
  press("g");
  press("p");
  expect(sheet).not.toHaveBeenCalled();
  expect(navigate).not.toHaveBeenCalled();
});

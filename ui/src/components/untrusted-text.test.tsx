import { render } from "@testing-library/react";
import { expect, it } from "vitest";

import { UntrustedText } from "./untrusted-text";

const shown = (text: string) => render(<UntrustedText text={text} />).container;

it("never turns text into markup", () => {
  const container = shown("<script>alert(1)</script><b onclick=x>hi</b>");
  expect(container.textContent).toBe("<script>alert(1)</script><b onclick=x>hi</b>");
  expect(container.querySelector("script, b")).toBeNull();
});

it.each([
  ["a right-to-left override", "safe\u202Eexe", "safeU+202Eexe"],
  ["a zero-width space", "a\u200Bb", "aU+200Bb"],
  ["an isolate", "a\u2066b\u2069", "aU+2066bU+2069"],
  ["a terminal escape", "\u001b[31mred", "U+001B[31mred"],
  ["hidden tag characters", "a\u{E0041}b", "aU+E0041b"],
])("makes %s visible", (_what, text, expected) => {
  expect(shown(text).textContent).toBe(expected);
});

it("leaves ordinary text of any language and line breaks alone", () => {
  const text = "Grüße,\n\tשלום 你好 👍";
  expect(shown(text).textContent).toBe(text);
});

it("is bounded", () => {
  expect(shown("x".repeat(100_000)).textContent?.length).toBeLessThan(5_000);
});

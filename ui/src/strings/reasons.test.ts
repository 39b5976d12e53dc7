import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, it } from "vitest";

import { reasons } from "./reasons";

const gateway = join(import.meta.dirname, "../../../src-tauri/crates");
const sources = ["core/src", "gateway/src"].flatMap((part) => readdirSync(join(gateway, part), { recursive: true, encoding: "utf8" }).map((file) => join(gateway, part, file)));

/** What the gateway may write as the reason of a call: what its refusals and decisions call themselves. */
function codes(): string[] {
  const found = new Set<string>();
  for (const file of sources) {
    if (!/(?:pipeline.refuse|upstream.error|accounts.mod|core.src.decision)\.rs$/.test(file)) continue;
    const text = readFileSync(file, "utf8");
    for (const [, body = ""] of text.matchAll(/fn code\([^)]*\) -> &'static str \{([\s\S]*?)\n {4}\}/g)) {
      for (const [, code = ""] of body.matchAll(/"([a-z_]+)"/g)) found.add(code);
    }
  }
  // Of a refusal by a grant the reason says more.
  found.delete("denied");
  return [...found];
}

it("has words for every reason that the gateway gives", () => {
  expect(codes().length).toBeGreaterThan(40);
  expect(codes().filter((code) => !Object.hasOwn(reasons, code))).toEqual([]);
});

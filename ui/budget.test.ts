import { randomBytes } from "node:crypto";

import { expect, it } from "vitest";

import { type Part, tooLarge } from "./budget";

/** Of so many kB, which do not get smaller by compressing. */
const noise = (kB: number) => randomBytes(kB * 1_000).toString("base64");
const part = (kB: number, imports: string[] = [], isEntry = false): Part => ({ code: noise(kB), imports, isEntry });
const most = { first: 20, part: 10, styles: 5 };

it("counts what the first page needs, by way of others too, and leaves alone what comes later", () => {
  expect(tooLarge({ "index.js": part(8, ["shared.js"], true), "shared.js": part(8), "page.js": part(8) }, [noise(4)], most)).toEqual([]);
  expect(tooLarge({ "index.js": part(8, ["shared.js"], true), "shared.js": part(8, ["deep.js"]), "deep.js": part(8) }, [], most)).toEqual([expect.stringContaining("loaded first")]);
});

it("names the page and the styles that have grown too large, but not the dictionaries", () => {
  const found = tooLarge({ "index.js": part(1, [], true), "grants.js": part(14), "words.js": { ...part(14), dictionary: true } }, [noise(4), noise(4)], most);
  expect(found).toEqual([expect.stringContaining("grants.js"), expect.stringContaining("styles")]);
});

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

import { expect, it } from "vitest";

/** What each layer may import besides itself and `strings.ts`. */
const ALLOWED: Record<string, readonly string[]> = {
  api: ["host"],
  host: [],
  components: [],
  features: ["api", "components"],
  routes: ["features", "api", "components"],
  app: ["routes", "features", "api", "components", "host"],
};

const root = join(import.meta.dirname, "..");
const imports = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file) && file.includes("/"))
  .flatMap((file) => [...readFileSync(join(root, file), "utf8").matchAll(/(?:from |import ?\(?)"([^"]+)"/g)].map((match) => ({ file, to: match[1] ?? "" })));

const feature = (path: string) => /^features\/([^/]+)/.exec(path)?.[1];

it.each(Object.keys(ALLOWED))("%s imports only the layers below it", (layer) => {
  const wrong = imports.filter(({ file, to }) => {
    if (!file.startsWith(`${layer}/`) || !to.startsWith(".")) return false;
    const target = normalize(join(dirname(file), to)).split("/")[0] ?? "";
    return target !== layer && target !== "strings" && !ALLOWED[layer]?.includes(target);
  });
  expect(wrong).toEqual([]);
});

it("features never import each other", () => {
  const wrong = imports.filter(({ file, to }) => {
    const target = to.startsWith(".") ? feature(normalize(join(dirname(file), to))) : undefined;
    return feature(file) !== undefined && target !== undefined && target !== feature(file);
  });
  expect(wrong).toEqual([]);
});

it("only host imports Tauri", () => {
  expect(imports.filter(({ file, to }) => to.startsWith("@tauri-apps/") && !file.startsWith("host/"))).toEqual([]);
});

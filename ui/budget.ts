import { gzipSync } from "node:zlib";

import type { Plugin } from "vite";

/** Of one built file: what the browser must have before it runs, and what may come later. */
export interface Part {
  code: string;
  imports: readonly string[];
  isEntry: boolean;
  /** Of the dictionaries that a new password is compared with: large, and wanted on one page only. */
  dictionary?: boolean;
}

/** In kB as a browser gets them, compressed; a build above them fails. Raise one knowingly, or load something later. */
const BUDGET = {
  /** Before the first page is painted: the frame, the sign-in, and what all pages share. */
  first: 250,
  /** Any other part, such as a page. */
  part: 40,
  styles: 55,
};

const kB = (text: string) => gzipSync(text).length / 1_000;

/** What is above the budget, in words. */
export function tooLarge(parts: Readonly<Record<string, Part>>, styles: readonly string[], most = BUDGET): string[] {
  const first = new Set<string>();
  const add = (name: string) => {
    if (first.has(name)) return;
    first.add(name);
    parts[name]?.imports.forEach(add);
  };
  for (const [name, part] of Object.entries(parts)) if (part.isEntry) add(name);
  const sum = [...first].reduce((all, name) => all + kB(parts[name]?.code ?? ""), 0);
  const found = sum > most.first ? [`what is loaded first has ${sum.toFixed(0)} kB, the budget is ${most.first} kB`] : [];
  for (const [name, { code, dictionary }] of Object.entries(parts)) {
    if (!first.has(name) && dictionary !== true && kB(code) > most.part) found.push(`${name} has ${kB(code).toFixed(0)} kB, the budget is ${most.part} kB`);
  }
  const drawn = styles.reduce((all, text) => all + kB(text), 0);
  if (drawn > most.styles) found.push(`the styles have ${drawn.toFixed(0)} kB, the budget is ${most.styles} kB`);
  return found;
}

/** Fails a build that is above the budget. */
export function budget(): Plugin {
  return {
    name: "agw-budget",
    apply: "build",
    enforce: "post",
    generateBundle(_options, bundle) {
      const parts: Record<string, Part> = {};
      const styles: string[] = [];
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "chunk") parts[name] = { code: file.code, imports: file.imports, isEntry: file.isEntry, dictionary: file.moduleIds.some((id) => id.includes("/@zxcvbn-ts/")) };
        else if (name.endsWith(".css")) styles.push(String(file.source));
      }
      const found = tooLarge(parts, styles);
      if (found.length > 0) this.error(found.join("\n"));
    },
  };
}

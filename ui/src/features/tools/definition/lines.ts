import { formatJson, parseJson } from "../../../components/json/json";

/** Pairs of lines that are compared; of longer definitions all between the first and the last difference counts as changed. */
const COMPARED_MAX = 1_000_000;

/** One row of two texts side by side. */
export interface Row {
  before: string | undefined;
  after: string | undefined;
}

/** A definition laid out over lines; a line of a text is a line of its own, so that nothing hides far to the right. */
export function linesOf(definition: string): string[] {
  const json = parseJson(definition);
  const laidOut = json === undefined ? definition : formatJson(json);
  return laidOut.split("\n").flatMap((line) => line.match(/(?:[^\\]|\\[^n])*?\\n|.+$/gu) ?? [line]);
}

const same = (line: string): Row => ({ before: line, after: line });

/** All lines of both, those that are the same in one row; what went and what came stands side by side. */
export function compare(before: readonly string[], after: readonly string[]): Row[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < before.length - head && tail < after.length - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const [was, is] = [before.slice(head, before.length - tail), after.slice(head, after.length - tail)];
  const rows = before.slice(0, head).map(same);
  let [a, b] = [0, 0];
  for (const [nextA, nextB] of [...common(was, is), [was.length, is.length] as const]) {
    for (; a < nextA || b < nextB; a += 1, b += 1) rows.push({ before: a < nextA ? was[a] : undefined, after: b < nextB ? is[b] : undefined });
    const line = was[nextA];
    if (line !== undefined) rows.push(same(line));
    [a, b] = [nextA + 1, nextB + 1];
  }
  return [...rows, ...before.slice(before.length - tail).map(same)];
}

/** Where both have the same lines: a longest common subsequence. */
function common(was: readonly string[], is: readonly string[]): (readonly [number, number])[] {
  const width = is.length + 1;
  if (was.length * is.length > COMPARED_MAX) return [];
  const longest = new Uint32Array((was.length + 1) * width);
  const at = (a: number, b: number) => longest[a * width + b] ?? 0;
  for (let a = was.length - 1; a >= 0; a -= 1) {
    for (let b = is.length - 1; b >= 0; b -= 1) longest[a * width + b] = was[a] === is[b] ? at(a + 1, b + 1) + 1 : Math.max(at(a + 1, b), at(a, b + 1));
  }
  const pairs: (readonly [number, number])[] = [];
  let [a, b] = [0, 0];
  while (a < was.length && b < is.length) {
    if (was[a] === is[b]) {
      pairs.push([a, b]);
      a += 1;
      b += 1;
    } else if (at(a + 1, b) >= at(a, b + 1)) a += 1;
    else b += 1;
  }
  return pairs;
}

/** The part of `line` in which it differs from `other`, between what both begin and end with; whole characters. */
export function changedPart(line: string, other: string): readonly [string, string, string] {
  const [mine, theirs] = [[...line], [...other]];
  let head = 0;
  while (head < mine.length && head < theirs.length && mine[head] === theirs[head]) head += 1;
  let tail = 0;
  while (tail < mine.length - head && tail < theirs.length - head && mine.at(-1 - tail) === theirs.at(-1 - tail)) tail += 1;
  const end = mine.length - tail;
  return [mine.slice(0, head).join(""), mine.slice(head, end).join(""), mine.slice(end).join("")];
}

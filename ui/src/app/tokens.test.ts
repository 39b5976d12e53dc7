import { expect, it } from "vitest";

import { dark, darkMore, light, lightMore, type Palette } from "./tokens";

/** Relative luminance and contrast as WCAG 2.2 has them. */
function luminance(hex: string): number {
  const channels = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r = 0, g = 0, b = 0] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [more = 0, less = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (more + 0.05) / (less + 0.05);
}

const PLAIN = ["page", "surface", "sunken", "hover"] as const;
const PAIRS: readonly (readonly [keyof Palette, readonly (keyof Palette)[]])[] = [
  ["text", [...PLAIN, "accentSurface", "allowSurface", "denySurface", "waitSurface", "neutralSurface"]],
  ["dim", [...PLAIN, "neutralSurface"]],
  ["link", [...PLAIN, "accentSurface", "waitSurface", "denySurface", "neutralSurface"]],
  ["onAccent", ["accent", "accentHover"]],
  ["onDanger", ["danger"]],
  ["allow", [...PLAIN, "allowSurface"]],
  ["deny", [...PLAIN, "denySurface"]],
  ["wait", [...PLAIN, "waitSurface"]],
  ["neutral", [...PLAIN, "neutralSurface"]],
];

it.each([
  ["light", light, 4.5, 3],
  ["dark", dark, 4.5, 3],
  ["light with more contrast", lightMore, 7, 4.5],
  ["dark with more contrast", darkMore, 7, 4.5],
] as const)("%s can be read", (_name, palette, text, edge) => {
  const low = PAIRS.flatMap(([ink, surfaces]) => surfaces.map((surface) => ({ ink, surface, ratio: contrast(palette[ink], palette[surface]) }))).filter(({ ratio }) => ratio < text);
  const faint = PLAIN.map((surface) => ({ ink: "edge", surface, ratio: contrast(palette.edge, palette[surface]) })).filter(({ ratio }) => ratio < edge);
  expect([...low, ...faint]).toEqual([]);
});

it("draws borders that are seen when more contrast is wanted", () => {
  for (const palette of [lightMore, darkMore]) expect(contrast(palette.border, palette.surface)).toBeGreaterThan(4.5);
});

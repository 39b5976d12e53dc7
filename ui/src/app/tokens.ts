/**
 * Meanings, not colors: one token per verdict and surface. In `light` and `dark`
 * every text has at least 4.5:1 against every surface that it appears on, and
 * what shows where a control is has 3:1; with more contrast it is 7:1 and 4.5:1.
 * tokens.test.ts counts.
 */
export interface Palette {
  page: string;
  surface: string;
  sunken: string;
  hover: string;
  /** Between things; around a control it is `edge`. */
  border: string;
  edge: string;
  text: string;
  dim: string;
  /** The one accent: links, what is chosen, focus. */
  link: string;
  accent: string;
  accentHover: string;
  onAccent: string;
  accentSurface: string;
  allow: string;
  allowSurface: string;
  deny: string;
  denySurface: string;
  wait: string;
  waitSurface: string;
  neutral: string;
  neutralSurface: string;
  danger: string;
  onDanger: string;
}

export const light: Palette = {
  page: "#f6f7f9",
  surface: "#ffffff",
  sunken: "#f1f3f6",
  hover: "#eef1f5",
  border: "#dfe3e9",
  edge: "#7a8391",
  text: "#191d24",
  dim: "#576170",
  link: "#3349bd",
  accent: "#3b53d0",
  accentHover: "#3147b4",
  onAccent: "#ffffff",
  accentSurface: "#eaeefc",
  allow: "#1a6a33",
  allowSurface: "#e4f5e9",
  deny: "#b02020",
  denySurface: "#fdebea",
  wait: "#7f4c00",
  waitSurface: "#fdf1da",
  neutral: "#47515e",
  neutralSurface: "#e9ecf0",
  danger: "#b92525",
  onDanger: "#ffffff",
};

export const dark: Palette = {
  page: "#121519",
  surface: "#1a1e24",
  sunken: "#14171c",
  hover: "#232830",
  border: "#2f353f",
  edge: "#737d8a",
  text: "#e6eaef",
  dim: "#a2acb9",
  link: "#9fb2ff",
  accent: "#4a61dc",
  accentHover: "#3f55cc",
  onAccent: "#ffffff",
  accentSurface: "#232b4d",
  allow: "#74d690",
  allowSurface: "#16331f",
  deny: "#ff9a94",
  denySurface: "#42201f",
  wait: "#f2c069",
  waitSurface: "#3a2c11",
  neutral: "#b8c1cc",
  neutralSurface: "#2a3038",
  danger: "#c83434",
  onDanger: "#ffffff",
};

export const lightMore: Palette = {
  page: "#ffffff",
  surface: "#ffffff",
  sunken: "#f4f5f7",
  hover: "#e9ecf1",
  border: "#4c5563",
  edge: "#2b323c",
  text: "#000000",
  dim: "#343c48",
  link: "#1c2f8f",
  accent: "#1f339c",
  accentHover: "#15246f",
  onAccent: "#ffffff",
  accentSurface: "#eaeefc",
  allow: "#0a4a1e",
  allowSurface: "#eaf7ee",
  deny: "#7c0d0d",
  denySurface: "#fdefee",
  wait: "#553200",
  waitSurface: "#fdf4e3",
  neutral: "#2b333e",
  neutralSurface: "#eef0f3",
  danger: "#8c1010",
  onDanger: "#ffffff",
};

export const darkMore: Palette = {
  page: "#000000",
  surface: "#0a0c0f",
  sunken: "#000000",
  hover: "#20252d",
  border: "#9aa5b3",
  edge: "#c9d1db",
  text: "#ffffff",
  dim: "#d3dae3",
  link: "#bccaff",
  accent: "#3348be",
  accentHover: "#2a3da6",
  onAccent: "#ffffff",
  accentSurface: "#1b2242",
  allow: "#9cebb2",
  allowSurface: "#0d2415",
  deny: "#ffbdb8",
  denySurface: "#2f1413",
  wait: "#ffd894",
  waitSurface: "#2a1f09",
  neutral: "#dbe2ea",
  neutralSurface: "#1c2127",
  danger: "#961515",
  onDanger: "#ffffff",
};

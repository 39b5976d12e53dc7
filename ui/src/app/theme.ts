import { createTheme, type CSSVariablesResolver } from "@mantine/core";

export const theme = createTheme({
  // Bluish instead of Mantine's plain greys, to go with the surfaces below.
  colors: {
    dark: ["#cfd5dc", "#b5bec9", "#8b95a2", "#6c7683", "#444b56", "#3a414b", "#2a3038", "#1c2026", "#181b20", "#14171b"],
  },
  primaryColor: "indigo",
  // One for both: the text on it is chosen once, and must be readable on it in both.
  primaryShade: 7,
  autoContrast: true,
  defaultRadius: "md",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: "600" },
});

/**
 * Meanings, not colors: one token per verdict and surface, each with at least
 * 4.5:1 against the surfaces it appears on.
 */
export const tokens: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--agw-page": "#f5f6f8",
    "--agw-surface": "#ffffff",
    "--agw-sunken": "#f0f2f5",
    "--agw-border": "#dbe0e6",
    "--agw-text": "#1a1f26",
    "--agw-dim": "#5a6472",
    "--agw-link": "#364fc7",
    "--agw-allow": "#1b6e35",
    "--agw-allow-surface": "#e4f5e9",
    "--agw-deny": "#b3201f",
    "--agw-deny-surface": "#fdebea",
    "--agw-wait": "#855000",
    "--agw-wait-surface": "#fdf1da",
    "--agw-neutral": "#47515e",
    "--agw-neutral-surface": "#e9ecf0",
    "--mantine-color-body": "#ffffff",
    "--mantine-color-text": "#1a1f26",
    "--mantine-color-dimmed": "#5a6472",
    "--mantine-color-placeholder": "#687381",
    "--mantine-color-error": "#b3201f",
  },
  dark: {
    "--agw-page": "#14171b",
    "--agw-surface": "#1c2026",
    "--agw-sunken": "#15181d",
    "--agw-border": "#323842",
    "--agw-text": "#e4e8ed",
    "--agw-dim": "#a0aab6",
    "--agw-link": "#91a7ff",
    "--agw-allow": "#6fd28c",
    "--agw-allow-surface": "#173523",
    "--agw-deny": "#ff928c",
    "--agw-deny-surface": "#44201f",
    "--agw-wait": "#f0bb5c",
    "--agw-wait-surface": "#3b2c10",
    "--agw-neutral": "#b5bec9",
    "--agw-neutral-surface": "#2a3038",
    "--mantine-color-body": "#1c2026",
    "--mantine-color-text": "#e4e8ed",
    "--mantine-color-dimmed": "#a0aab6",
    "--mantine-color-placeholder": "#8b95a2",
    "--mantine-color-error": "#ff928c",
  },
});

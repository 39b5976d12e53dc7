import { createTheme, type CSSVariablesResolver, Drawer, Modal, Tooltip } from "@mantine/core";

import { strings } from "../strings";
import { dark, darkMore, light, lightMore, type Palette } from "./tokens";

/** A dialog's close button has a name, and its head is not the page's. */
const dialog = { closeButtonProps: { "aria-label": strings.close }, attributes: { header: { role: "presentation" } } };

export const theme = createTheme({
  // Bluish instead of Mantine's plain greys, to go with the surfaces of tokens.ts.
  colors: {
    dark: ["#cfd5dc", "#b5bec9", "#8b95a2", "#6c7683", "#444b56", "#3a414b", "#2a3038", "#1a1e24", "#171a1f", "#121519"],
  },
  primaryColor: "indigo",
  // One for both: the text on it is chosen once, and must be readable on it in both.
  primaryShade: 7,
  autoContrast: true,
  defaultRadius: "md",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  // The system's own. Linux has no one name for it, and Inter where it is installed is the better reading.
  fontFamily: '"Segoe UI Variable Text", "Segoe UI", Inter, system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: "600" },
  components: {
    Modal: Modal.extend({ defaultProps: { centered: true, transitionProps: { duration: 120 }, ...dialog } }),
    Drawer: Drawer.extend({ defaultProps: { position: "right", transitionProps: { duration: 160 }, ...dialog } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 300, withArrow: false, events: { hover: true, focus: true, touch: false } } }),
  },
});

/** Our tokens as `--agw-…`, and Mantine's own variables that have to agree with them. */
function variables(palette: Palette): Record<string, string> {
  const own = Object.entries(palette).map(([name, color]) => [`--agw-${name.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`, color as string]);
  return {
    ...Object.fromEntries(own),
    "--mantine-color-body": palette.surface,
    "--mantine-color-text": palette.text,
    "--mantine-color-dimmed": palette.dim,
    "--mantine-color-placeholder": palette.dim,
    "--mantine-color-anchor": palette.link,
    "--mantine-color-error": palette.deny,
    "--mantine-color-default": palette.surface,
    "--mantine-color-default-hover": palette.hover,
    "--mantine-color-default-color": palette.text,
    "--mantine-color-default-border": palette.border,
    "--mantine-primary-color-filled": palette.accent,
    "--mantine-primary-color-filled-hover": palette.accentHover,
    "--mantine-primary-color-contrast": palette.onAccent,
    "--mantine-color-indigo-filled": palette.accent,
    "--mantine-color-indigo-filled-hover": palette.accentHover,
    "--mantine-color-indigo-light": palette.accentSurface,
    "--mantine-color-indigo-light-hover": palette.accentSurface,
    "--mantine-color-indigo-light-color": palette.link,
    "--mantine-primary-color-light-color": palette.link,
    "--mantine-color-red-9": palette.danger,
    "--mantine-color-red-light-color": palette.deny,
    "--mantine-color-yellow-light-color": palette.wait,
  };
}

export const tokens: CSSVariablesResolver = () => ({ variables: {}, light: variables(light), dark: variables(dark) });
export const tokensWithMoreContrast: CSSVariablesResolver = () => ({ variables: {}, light: variables(lightMore), dark: variables(darkMore) });

import { useLocalStorage, useMediaQuery } from "@mantine/hooks";

export const CONTRASTS = ["auto", "normal", "more"] as const;
type Contrast = (typeof CONTRASTS)[number];

/** What this viewer wants to see, kept by this browser or window. `isMore` also heeds the system. */
export function useContrast() {
  const [choice, choose] = useLocalStorage<Contrast>({ key: "agw-contrast", defaultValue: "auto", getInitialValueInEffect: false, deserialize: contrastOf, serialize: String });
  const bySystem = useMediaQuery("(prefers-contrast: more)", false, { getInitialValueInEffect: false });
  return { choice, choose, isMore: choice === "more" || (choice === "auto" && bySystem) };
}

function contrastOf(stored: string | undefined): Contrast {
  return CONTRASTS.find((contrast) => contrast === stored) ?? "auto";
}

/** Whether keys without Ctrl, Alt or Cmd do something. To be switched off for those who speak their input (WCAG 2.1.4). */
export function useSingleKeys(): [on: boolean, turn: (on: boolean) => void] {
  const [stored, store] = useLocalStorage<string>({ key: "agw-single-keys", defaultValue: "on", getInitialValueInEffect: false, deserialize: (text) => text ?? "on", serialize: String });
  return [stored !== "off", (on) => store(on ? "on" : "off")];
}

/** Keys pressed while typing, or while a dialog is open, are not meant for the page behind. */
export function isForPage(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  const target = event.target instanceof HTMLElement ? event.target : undefined;
  if (target?.closest("input, textarea, select, [contenteditable='true'], [role='listbox'], [role='menu'], [role='combobox']")) return false;
  return document.querySelector("[role='dialog'][aria-modal='true']") === null;
}

const KEY = "agw-contrast";

export type Contrast = "system" | "more";

/** Of this machine: kept by the web view, and never a secret. */
export function contrast(): Contrast {
  try {
    return window.localStorage.getItem(KEY) === "more" ? "more" : "system";
  } catch {
    // A browser may refuse to keep anything.
    return "system";
  }
}

export function keepContrast(chosen: Contrast): void {
  try {
    if (chosen === "system") window.localStorage.removeItem(KEY);
    else window.localStorage.setItem(KEY, chosen);
  } catch {
    // It holds until the page is left, then.
  }
  showContrast();
}

/** Marks the page with what was chosen here, or with what the system asks for. */
export function showContrast(): void {
  const more = contrast() === "more" || asked().matches;
  if (more) document.documentElement.dataset.contrast = "more";
  else delete document.documentElement.dataset.contrast;
}

/** From now on, for as long as the page is open. */
export function followContrast(): void {
  asked().addEventListener("change", showContrast);
  showContrast();
}

const asked = () => window.matchMedia("(prefers-contrast: more)");

import { Switch } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

import { Dialog } from "../components/dialog";
import { isForPage, useSingleKeys } from "../components/appearance";
import { strings } from "../strings";
import { PAGES } from "./pages";

const t = strings.keyboard;
/** How long `g` waits for the key of a page. */
const SECOND_KEY_MS = 1_500;
const isMac = /mac|iphone|ipad/i.test(navigator.platform);
export const MOD = isMac ? "⌘" : "Ctrl";

/** `?` for the list of keys, `g` and a letter for a page. */
export function useKeys(onSheet: () => void) {
  const [on] = useSingleKeys();
  const navigate = useNavigate();
  useEffect(() => {
    if (!on) return undefined;
    let goUntil = 0;
    // The second key is heard before the page's own keys, the first one after them.
    const second = (event: KeyboardEvent) => {
      if (performance.now() >= goUntil) return;
      goUntil = 0;
      const page = isForPage(event) ? PAGES.find(({ key }) => key === event.key.toLowerCase()) : undefined;
      if (page === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      void navigate({ to: page.to });
    };
    const first = (event: KeyboardEvent) => {
      if (!isForPage(event)) return;
      if (event.key === "?") onSheet();
      else if (event.key === "g") goUntil = performance.now() + SECOND_KEY_MS;
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", second, true);
    window.addEventListener("keydown", first);
    return () => {
      window.removeEventListener("keydown", second, true);
      window.removeEventListener("keydown", first);
    };
  }, [on, navigate, onSheet]);
}

/** The list of keys, and the switch for those that need no modifier. */
export function KeySheet({ onClose }: { onClose: () => void }) {
  const [on, turn] = useSingleKeys();
  const rows: { what: string; first: string; joint?: string; second?: string }[] = [
    { what: t.palette, first: MOD, joint: "+", second: "K" },
    { what: t.sheet, first: "?" },
    ...PAGES.map(({ label, key }) => ({ what: t.goTo(label), first: "G", joint: t.afterwards, second: key.toUpperCase() })),
    { what: t.close, first: "Esc" },
  ];
  return (
    <Dialog onClose={onClose} title={t.title} data-testid="key-sheet">
      <dl className="keys-list">
        {rows.map(({ what, first, joint, second }) => (
          <div key={what} className="fact-row">
            <dt>{what}</dt>
            <dd>
              <kbd>{first}</kbd>
              {second !== undefined && (
                <>
                  <span className="dim small"> {joint} </span>
                  <kbd>{second}</kbd>
                </>
              )}
            </dd>
          </div>
        ))}
      </dl>
      <p className="note dim">{t.tables}</p>
      <Switch mt="md" label={t.singleKeys} description={t.singleKeysText} checked={on} onChange={(event) => turn(event.currentTarget.checked)} data-testid="single-keys" />
    </Dialog>
  );
}

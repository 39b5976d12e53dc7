import { Alert } from "@mantine/core";
import { spotlight } from "@mantine/spotlight";
import { Outlet, useLocation, useRouter, useRouterState } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";

import { useRole } from "../api/use-role";
import { useServiceState } from "../api/use-service-state";
import { Icon } from "../components/icons";
import { AlarmBanner, UnrecordedBanner } from "../features/status/audit-banners";
import { SealedBanner } from "../features/status/sealed-banner";
import { PausedParts, PauseSwitch, StateLine } from "../features/status/state-bar";
import { auditHref } from "../routes/links";
import { strings } from "../strings";
import { Account } from "./account";
import { KeySheet, MOD, useKeys } from "./keys";
import { loadAll } from "./load";
import { Navigation } from "./navigation";
import { PAGES } from "./pages";
import { Palette } from "./palette";
import { StartGateway } from "./start-gateway";

const t = strings.nav;
/** By then the first page is there. */
const LOAD_AFTER_MS = 1_000;
/** By then what was open has closed. */
const TITLE_AFTER_MS = 400;

/** Navigation, the state line, and what every page must not hide: stopped, sealed, not recording, a trail that is not whole. */
export function Shell({ user }: { user: string }) {
  const stopped = useServiceState() === "stopped";
  const role = useRole();
  const router = useRouter();
  // Where the alarm itself stands, to be acknowledged.
  const seesProof = role !== "member";
  const atAlarm = useLocation({ select: ({ pathname, search }) => pathname === "/audit" && search.view === "proof" }) && seesProof;
  const [showsKeys, setShowsKeys] = useState(false);
  const showKeys = useCallback(() => setShowsKeys(true), []);
  useKeys(showKeys);
  useArrival();
  useEffect(() => {
    const timer = window.setTimeout(loadAll, LOAD_AFTER_MS);
    return () => window.clearTimeout(timer);
  }, []);
  return (
    <div className="shell">
      <a
        className="skip"
        href="#page"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("page")?.focus();
        }}
      >
        {t.skip}
      </a>
      <aside className="side" aria-label={strings.product}>
        <div className="brand">
          <Icon name="shield" size={18} />
          <span className="brand-name">{strings.product}</span>
        </div>
        <button type="button" className="find-button" aria-haspopup="dialog" onClick={spotlight.open} data-testid="find">
          <Icon name="search" size={15} />
          <span>{strings.shell.find}</span>
          <kbd>{`${MOD} K`}</kbd>
        </button>
        <Navigation />
        <Account user={user} onKeys={showKeys} />
      </aside>
      <div className="main">
        <header className="topbar">
          <StateLine />
          <PausedParts />
          <PauseSwitch />
        </header>
        <main id="page" className="page" tabIndex={-1}>
          {stopped && (
            <Alert variant="light" color="red" icon={<Icon name="off" />} role="alert" className="notice" data-tone="deny">
              <div>{strings.offline.banner}</div>
              <StartGateway />
            </Alert>
          )}
          <SealedBanner />
          <UnrecordedBanner />
          {!atAlarm && <AlarmBanner href={seesProof ? auditHref(router, "proof") : undefined} />}
          <Outlet />
        </main>
      </div>
      <Palette onKeys={showKeys} />
      {showsKeys && <KeySheet onClose={() => setShowsKeys(false)} />}
    </div>
  );
}

/** Whoever comes to another page is told so: the focus goes to its title, and the window is named after it. */
function useArrival() {
  // Where one has arrived: before, the page that one leaves is still there.
  const path = useRouterState({ select: ({ location, resolvedLocation }) => (resolvedLocation ?? location).pathname });
  const last = useRef<string>(undefined);
  useEffect(() => {
    const page = PAGES.find(({ to }) => to === path);
    document.title = page ? strings.shell.titleOf(page.label, strings.product) : strings.product;
    const came = last.current !== undefined && last.current !== path;
    last.current = path;
    if (!came) return undefined;
    document.getElementById("page")?.scrollTo(0, 0);
    focusTitle();
    // The palette gives the focus back when it closes, and some titles come late.
    const again = window.setTimeout(() => document.activeElement?.closest("#page, [role='dialog']") ?? focusTitle(), TITLE_AFTER_MS);
    return () => window.clearTimeout(again);
  }, [path]);
}

function focusTitle() {
  const title = document.querySelector<HTMLElement>("#page h1");
  title?.setAttribute("tabindex", "-1");
  (title ?? document.getElementById("page"))?.focus({ preventScroll: true });
}

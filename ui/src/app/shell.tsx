import { ActionIcon, Alert, Button, useMantineColorScheme } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useRouter } from "@tanstack/react-router";
import { useState } from "react";

import { unwrap } from "../api/client";
import { useGateway } from "../api/gateway";
import { useAction } from "../api/use-action";
import { statusQuery } from "../api/queries";
import { useRole } from "../api/use-role";
import { useServiceState } from "../api/use-service-state";
import { Icon, type IconName } from "../components/icons";
import { ChangePassword } from "../features/session/change-password";
import { PausedParts, PauseSwitch, StateLine } from "../features/status/state-bar";
import { AlarmBanner, UnrecordedBanner } from "../features/status/audit-banners";
import { SealedBanner } from "../features/status/sealed-banner";
import { auditHref } from "../routes/links";
import { strings } from "../strings";
import { StartGateway } from "./start-gateway";

const t = strings.nav;

interface Page {
  to: "/" | "/approvals" | "/audit" | "/connections" | "/grants" | "/people" | "/settings" | "/tools";
  icon: IconName;
  label: string;
  testId: string;
}

const PAGES: Page[] = [
  { to: "/", icon: "home", label: t.home, testId: "nav-home" },
  { to: "/approvals", icon: "hand", label: t.approvals, testId: "nav-approvals" },
  { to: "/grants", icon: "key", label: t.grants, testId: "nav-grants" },
  { to: "/tools", icon: "tool", label: t.tools, testId: "nav-tools" },
  { to: "/connections", icon: "plug", label: t.connections, testId: "nav-connections" },
  { to: "/people", icon: "people", label: t.people, testId: "nav-people" },
  { to: "/audit", icon: "book", label: t.audit, testId: "nav-audit" },
  { to: "/settings", icon: "gear", label: t.settings, testId: "nav-settings" },
];

/** Navigation, the state line, and what every page must not hide: stopped, sealed, not recording, a trail that is not whole. */
export function Shell({ user }: { user: string }) {
  const stopped = useServiceState() === "stopped";
  const role = useRole();
  const router = useRouter();
  // Where the alarm itself stands, to be acknowledged.
  const seesProof = role !== "member";
  const atAlarm = useLocation({ select: ({ pathname, search }) => pathname === "/audit" && search.view === "proof" }) && seesProof;
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
      <aside className="side">
        <div className="brand">
          <Icon name="shield" size={18} />
          {strings.product}
        </div>
        <nav aria-label={t.label}>
          {PAGES.map((page) => (
            <Link key={page.to} to={page.to} className="nav-link" activeOptions={{ exact: true, includeSearch: false }} data-testid={page.testId}>
              <Icon name={page.icon} />
              <span className="nav-text">{page.label}</span>
              {page.to === "/approvals" && <WaitingBadge />}
            </Link>
          ))}
        </nav>
        <Account user={user} />
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
    </div>
  );
}

/** How many calls wait for an answer: seen from every page. */
function WaitingBadge() {
  const { client } = useGateway();
  const waiting = useQuery(statusQuery(client)).data?.approvals ?? 0;
  if (waiting === 0) return null;
  return (
    <span className="badge" data-tone="wait" role="status" aria-label={t.approvalsWaiting(waiting)} data-testid="approvals-badge">
      {waiting > 99 ? "99+" : waiting}
    </span>
  );
}

function Account({ user }: { user: string }) {
  const { client, host } = useGateway();
  const queries = useQueryClient();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = useAction(async () => {
    await unwrap(client.DELETE("/api/v1/session"));
    queries.clear();
    window.location.reload();
  });
  const [changing, setChanging] = useState(false);
  const next = { auto: "light", light: "dark", dark: "auto" } as const;
  return (
    <div className="account">
      <div className="dim account-user">{t.signedInAs(user)}</div>
      {signOut.error && (
        <div role="alert" data-tone="deny">
          {signOut.error.message}
        </div>
      )}
      <div className="account-actions">
        <Button size="compact-xs" variant="default" loading={signOut.pending} onClick={() => void signOut.run()} data-testid="sign-out">
          {t.signOut}
        </Button>
        <ActionIcon variant="default" size={26} aria-label={t.changePassword} title={t.changePassword} onClick={() => setChanging(true)} data-testid="change-password">
          <Icon name="lock" size={14} />
        </ActionIcon>
        <ActionIcon variant="default" size={26} aria-label={t.scheme[colorScheme]} title={t.scheme[colorScheme]} onClick={() => setColorScheme(next[colorScheme])}>
          <Icon name="sun" size={14} />
        </ActionIcon>
        {host.shell && (
          <ActionIcon variant="default" size={26} aria-label={t.quit} title={t.quit} onClick={host.shell.askQuit} data-testid="quit">
            <Icon name="off" size={14} />
          </ActionIcon>
        )}
      </div>
      {changing && <ChangePassword onClose={() => setChanging(false)} />}
    </div>
  );
}

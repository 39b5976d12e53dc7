import { ActionIcon, Alert, Button, useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";

import { unwrap } from "../api/client";
import { useGateway } from "../api/gateway";
import { useAction } from "../api/use-action";
import { useServiceState } from "../api/use-service-state";
import { Icon, type IconName } from "../components/icons";
import { PauseSwitch, StateLine } from "../features/status/state-bar";
import { SealedBanner } from "../features/status/sealed-banner";
import { strings } from "../strings";
import { StartGateway } from "./start-gateway";

const t = strings.nav;

const PAGES: { to: "/" | "/connections" | "/grants" | "/people"; icon: IconName; label: string; testId: string }[] = [
  { to: "/", icon: "home", label: t.home, testId: "nav-home" },
  { to: "/connections", icon: "plug", label: t.connections, testId: "nav-connections" },
  { to: "/grants", icon: "key", label: t.grants, testId: "nav-grants" },
  { to: "/people", icon: "people", label: t.people, testId: "nav-people" },
];

/** Navigation, the state line, and what every page must not hide: sealed and stopped. */
export function Shell({ user }: { user: string }) {
  const stopped = useServiceState() === "stopped";
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
              {page.label}
            </Link>
          ))}
        </nav>
        <Account user={user} />
      </aside>
      <div className="main">
        <header className="topbar">
          <StateLine />
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
          <Outlet />
        </main>
      </div>
    </div>
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
        <Button size="compact-sm" variant="default" loading={signOut.pending} onClick={() => void signOut.run()} data-testid="sign-out">
          {t.signOut}
        </Button>
        <ActionIcon variant="default" size={26} aria-label={t.scheme[colorScheme]} title={t.scheme[colorScheme]} onClick={() => setColorScheme(next[colorScheme])}>
          <Icon name="sun" size={14} />
        </ActionIcon>
        {host.shell && (
          <ActionIcon variant="default" size={26} aria-label={t.quit} title={t.quit} onClick={host.shell.askQuit} data-testid="quit">
            <Icon name="off" size={14} />
          </ActionIcon>
        )}
      </div>
    </div>
  );
}

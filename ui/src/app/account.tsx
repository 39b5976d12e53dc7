import { Popover, SegmentedControl, useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { unwrap } from "../api/client";
import { useGateway } from "../api/gateway";
import { type Action, useAction } from "../api/use-action";
import { useRole } from "../api/use-role";
import { CONTRASTS, useContrast } from "../components/appearance";
import { Icon, type IconName } from "../components/icons";
import { ChangePassword } from "../features/session/change-password";
import { strings } from "../strings";
import { PAGES } from "./pages";

const t = strings.shell;
const SCHEMES = ["auto", "light", "dark"] as const;

/** Ends the session; what was read goes with the page. */
export function useSignOut(): Action<[], void> {
  const { client } = useGateway();
  const queries = useQueryClient();
  return useAction(async () => {
    await unwrap(client.DELETE("/api/v1/session"));
    queries.clear();
    window.location.reload();
  });
}

/** Who is signed in, and what is theirs: looks, keys, password, the way out. */
export function Account({ user, onKeys }: { user: string; onKeys: () => void }) {
  const { host } = useGateway();
  const role = useRole();
  const signOut = useSignOut();
  const [changing, setChanging] = useState(false);
  const [opened, setOpened] = useState(false);
  const leave = (then: (() => void) | undefined) => {
    setOpened(false);
    then?.();
  };
  return (
    <>
      {signOut.error && (
        <div role="alert" data-tone="deny" className="small">
          {signOut.error.message}
        </div>
      )}
      <Popover opened={opened} onChange={setOpened} position="top-start" width={248} trapFocus returnFocus withinPortal={false} shadow="md">
        <Popover.Target>
          <button type="button" className="account-button" onClick={() => setOpened(!opened)} data-testid="account">
            <span className="account-initial" aria-hidden="true">
              {Array.from(user)[0]}
            </span>
            <span className="account-name">
              <strong>{user}</strong> <span className="dim small">{t.roles[role]}</span>
            </span>
            <span className="visually-hidden">{t.account}</span>
          </button>
        </Popover.Target>
        <Popover.Dropdown p={0} aria-label={t.account}>
          <div className="menu-items">
            <div className="phone-only">
              {PAGES.filter((page) => !page.onPhone).map((page) => (
                <Link key={page.to} to={page.to} className="menu-item" onClick={() => setOpened(false)}>
                  <Icon name={page.icon} />
                  {page.label}
                </Link>
              ))}
              <hr className="menu-line" />
            </div>
            <Item icon="keyboard" label={t.keys} hint="?" testId="keys" onClick={() => leave(onKeys)} />
            <Item icon="lock" label={strings.nav.changePassword} testId="change-password" onClick={() => leave(() => setChanging(true))} />
            <hr className="menu-line" />
            <Looks />
            <hr className="menu-line" />
            <Item icon="leave" label={strings.nav.signOut} testId="sign-out" onClick={() => leave(() => void signOut.run())} />
            {host.shell && <Item icon="off" label={strings.nav.quit} testId="quit" onClick={() => leave(host.shell?.askQuit)} />}
          </div>
        </Popover.Dropdown>
      </Popover>
      {changing && <ChangePassword user={user} onClose={() => setChanging(false)} />}
    </>
  );
}

interface ItemProps {
  icon: IconName;
  label: string;
  hint?: string;
  testId: string;
  onClick: () => void;
}

function Item({ icon, label, hint, testId, onClick }: ItemProps) {
  return (
    <button type="button" className="menu-item" onClick={onClick} data-testid={testId}>
      <Icon name={icon} />
      {label}
      {hint !== undefined && <kbd>{hint}</kbd>}
    </button>
  );
}

/** Light or dark, and how much contrast. */
function Looks() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const contrast = useContrast();
  return (
    <>
      <div className="account-choice">
        <span className="dim small" id="look-colors">
          {t.colors}
        </span>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-labelledby="look-colors"
          value={colorScheme}
          onChange={(value) => setColorScheme(SCHEMES.find((scheme) => scheme === value) ?? "auto")}
          data={SCHEMES.map((value) => ({ value, label: t.schemes[value] }))}
        />
      </div>
      <div className="account-choice">
        <span className="dim small" id="look-contrast">
          {t.contrast}
        </span>
        <SegmentedControl
          fullWidth
          size="xs"
          aria-labelledby="look-contrast"
          value={contrast.choice}
          onChange={(value) => contrast.choose(CONTRASTS.find((choice) => choice === value) ?? "auto")}
          data={CONTRASTS.map((value) => ({ value, label: t.contrasts[value] }))}
        />
      </div>
    </>
  );
}

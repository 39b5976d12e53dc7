import { Menu, SegmentedControl, useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { unwrap } from "../api/client";
import { useGateway } from "../api/gateway";
import { type Action, useAction } from "../api/use-action";
import { useRole } from "../api/use-role";
import { CONTRASTS, useContrast } from "../components/appearance";
import { Icon } from "../components/icons";
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
  return (
    <>
      {signOut.error && (
        <div role="alert" data-tone="deny" className="small">
          {signOut.error.message}
        </div>
      )}
      <Menu position="top-start" width={248} trapFocus returnFocus>
        <Menu.Target>
          <button type="button" className="account-button" aria-label={t.account(user)} data-testid="account">
            <span className="account-initial" aria-hidden="true">
              {Array.from(user)[0]}
            </span>
            <span className="account-name">
              <strong>{user}</strong>
              <span className="dim small">{t.roles[role]}</span>
            </span>
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <div className="phone-only">
            <Menu.Label>{t.alsoHere}</Menu.Label>
            {PAGES.filter((page) => !page.onPhone).map((page) => (
              <Menu.Item key={page.to} component={Link} to={page.to} leftSection={<Icon name={page.icon} />}>
                {page.label}
              </Menu.Item>
            ))}
            <Menu.Divider />
          </div>
          <Menu.Item leftSection={<Icon name="keyboard" />} rightSection={<kbd>?</kbd>} onClick={onKeys} data-testid="keys">
            {t.keys}
          </Menu.Item>
          <Menu.Item leftSection={<Icon name="lock" />} onClick={() => setChanging(true)} data-testid="change-password">
            {strings.nav.changePassword}
          </Menu.Item>
          <Menu.Divider />
          <Looks />
          <Menu.Divider />
          <Menu.Item leftSection={<Icon name="leave" />} onClick={() => void signOut.run()} data-testid="sign-out">
            {strings.nav.signOut}
          </Menu.Item>
          {host.shell && (
            <Menu.Item leftSection={<Icon name="off" />} onClick={host.shell.askQuit} data-testid="quit">
              {strings.nav.quit}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {changing && <ChangePassword onClose={() => setChanging(false)} />}
    </>
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

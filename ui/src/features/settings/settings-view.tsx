import { Tabs } from "@mantine/core";
import type { ReactNode } from "react";

import type { Role } from "../../api/types";
import { useRole } from "../../api/use-role";
import { Icon, type IconName } from "../../components/icons";
import { strings } from "../../strings";
import { Appearance } from "./sections/appearance";
import { DesktopSection } from "./sections/desktop";
import { Diagnostics } from "./sections/diagnostics";
import { EgressSection } from "./sections/egress";
import { KeychainSection } from "./sections/keychain";
import { Sessions } from "./sections/sessions";
import { SETTINGS_PARTS, type SettingsPart } from "./parts";
import "./settings.css";

const t = strings.settings;

const ICONS: Record<SettingsPart, IconName> = { sharing: "plug", keychain: "key", sessions: "people", appearance: "sun", desktop: "home", diagnostics: "shield", egress: "up" };
/** A member has what is their own. */
const OWN: readonly SettingsPart[] = ["sessions", "appearance", "desktop"];

function partsOf(role: Role): readonly SettingsPart[] {
  return role === "member" ? OWN : SETTINGS_PARTS;
}

interface SettingsViewProps {
  part: SettingsPart | undefined;
  onPart: (part: SettingsPart) => void;
  /** Where the gateway listens and who can reach it. */
  sharing: ReactNode;
  /** What the doctor says of the clients on this machine, where that can be known. */
  clients?: ReactNode;
  connectionHref: (name: string) => string;
}

/** What is set once: for the gateway, for this machine, and for oneself. */
export function SettingsView({ part, onPart, sharing, clients, connectionHref }: SettingsViewProps) {
  const parts = partsOf(useRole());
  const shown = parts.find((known) => known === part) ?? parts[0] ?? "sessions";
  const contents: Record<SettingsPart, ReactNode> = {
    sharing,
    keychain: <KeychainSection />,
    sessions: <Sessions />,
    appearance: <Appearance />,
    desktop: <DesktopSection />,
    diagnostics: <Diagnostics clients={clients} connectionHref={connectionHref} />,
    egress: <EgressSection connectionHref={connectionHref} />,
  };
  return (
    <>
      <h1>{t.title}</h1>
      <Tabs className="settings" orientation="vertical" keepMounted={false} value={shown} onChange={(value) => onPart(parts.find((known) => known === value) ?? shown)}>
        <Tabs.List aria-label={t.title}>
          {parts.map((known) => (
            <Tabs.Tab key={known} value={known} leftSection={<Icon name={ICONS[known]} size={15} />} data-testid={`settings-${known}`}>
              {t.parts[known]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {parts.map((known) => (
          <Tabs.Panel key={known} value={known} className="settings-panel">
            {contents[known]}
          </Tabs.Panel>
        ))}
      </Tabs>
    </>
  );
}

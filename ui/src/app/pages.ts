import type { Role } from "../api/types";
import type { IconName } from "../components/icons";
import type { SettingsPart } from "../features/settings/parts";
import { strings } from "../strings";

const t = strings.nav;

/** A page of the sidebar, of the palette and of the shortcuts: a new one is named here once. */
export interface Page {
  to: "/" | "/approvals" | "/audit" | "/connections" | "/grants" | "/people" | "/settings" | "/tools";
  icon: IconName;
  label: string;
  testId: string;
  /** Pressed after `g`. */
  key: string;
  /** Below each other without a line between them. */
  part: "now" | "who" | "past";
  /** In the bar at a phone's bottom; the rest is in the menu of the account. */
  onPhone: boolean;
}

export const PAGES: readonly Page[] = [
  { to: "/", icon: "home", label: t.home, testId: "nav-home", key: "h", part: "now", onPhone: true },
  { to: "/approvals", icon: "hand", label: t.approvals, testId: "nav-approvals", key: "a", part: "now", onPhone: true },
  { to: "/grants", icon: "key", label: t.grants, testId: "nav-grants", key: "g", part: "who", onPhone: false },
  { to: "/tools", icon: "tool", label: t.tools, testId: "nav-tools", key: "t", part: "who", onPhone: false },
  { to: "/connections", icon: "plug", label: t.connections, testId: "nav-connections", key: "c", part: "who", onPhone: true },
  { to: "/people", icon: "people", label: t.people, testId: "nav-people", key: "p", part: "who", onPhone: false },
  { to: "/audit", icon: "book", label: t.audit, testId: "nav-audit", key: "u", part: "past", onPhone: true },
  { to: "/settings", icon: "gear", label: t.settings, testId: "nav-settings", key: "s", part: "past", onPhone: false },
];

/** What is below a page and has a name that one would look for. */
interface Place {
  id: string;
  label: string;
  icon: IconName;
  to: Page["to"];
  search: Record<string, string>;
  /** Who is let see it; everybody where it does not say. */
  notFor?: readonly Role[];
}

const s = strings.settings.parts;
/** Of a setting, what a member has is their own. */
const setting = (part: SettingsPart, icon: IconName, own = false): Place => ({ id: `settings-${part}`, label: s[part], icon, to: "/settings", search: { part }, ...(own ? {} : { notFor: ["member"] }) });

export const PLACES: readonly Place[] = [
  { id: "agents", label: strings.people.parts.agents, icon: "speech", to: "/people", search: { part: "agents" } },
  { id: "teams", label: strings.people.parts.teams, icon: "people", to: "/people", search: { part: "teams" }, notFor: ["member"] },
  { id: "all-grants", label: strings.grants.views.all, icon: "key", to: "/grants", search: { view: "all" } },
  { id: "suggestions", label: strings.grants.views.suggestions, icon: "key", to: "/grants", search: { view: "suggestions" }, notFor: ["member"] },
  { id: "audit-settings", label: t.auditSettings, icon: "book", to: "/audit", search: { view: "settings" }, notFor: ["member"] },
  setting("sharing", "plug"),
  setting("keychain", "key"),
  setting("sessions", "people", true),
  setting("appearance", "sun", true),
  setting("desktop", "home", true),
  setting("diagnostics", "shield"),
  setting("egress", "up"),
];

export const PARTS = ["now", "who", "past"] as const;

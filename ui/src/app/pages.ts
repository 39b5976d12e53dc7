import type { IconName } from "../components/icons";
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

export const PARTS = ["now", "who", "past"] as const;

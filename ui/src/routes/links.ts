import type { useRouter } from "@tanstack/react-router";

import type { AuditPart } from "../features/audit/parts";
import type { FeedFilter } from "../features/audit/feed/feed";
import type { TrailFilter } from "../features/audit/trail/filter";
import type { SettingsPart } from "../features/settings/parts";
import type { ToolShow } from "../features/tools/parts";

type Router = ReturnType<typeof useRouter>;

/** Addresses of pages, for features that know no routes. */
export function grantHref(router: Router) {
  return (grant: string) => router.history.createHref(router.buildLocation({ to: "/grants", search: { view: "all", grant } }).href);
}

export function subjectHref(router: Router) {
  return (subject: string) => router.history.createHref(router.buildLocation({ to: "/grants", search: { subject } }).href);
}

export function auditHref(router: Router, view?: AuditPart, filter: TrailFilter = {}) {
  return router.history.createHref(router.buildLocation({ to: "/audit", search: { ...filter, view } }).href);
}

export function toolsHref(router: Router, show: ToolShow) {
  return router.history.createHref(router.buildLocation({ to: "/tools", search: { show } }).href);
}

export function settingsHref(router: Router, part: SettingsPart) {
  return router.history.createHref(router.buildLocation({ to: "/settings", search: { part } }).href);
}

export function homeHref(router: Router, decision?: FeedFilter["decision"]) {
  return router.history.createHref(router.buildLocation({ to: "/", search: { decision } }).href);
}

export function connectionsHref(router: Router) {
  return (open?: string) => router.history.createHref(router.buildLocation({ to: "/connections", search: { open } }).href);
}

export function peopleHref(router: Router) {
  return (user?: string) => router.history.createHref(router.buildLocation({ to: "/people", search: { user } }).href);
}

/** Where one's own programs are connected. */
export function connectHref(router: Router) {
  return router.history.createHref(router.buildLocation({ to: "/people", search: { part: "clients" } }).href);
}

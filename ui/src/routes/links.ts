import type { useRouter } from "@tanstack/react-router";

type Router = ReturnType<typeof useRouter>;

/** Addresses of pages, for features that know no routes. */
export function grantHref(router: Router) {
  return (grant: string) => router.history.createHref(router.buildLocation({ to: "/grants", search: { view: "all", grant } }).href);
}

export function subjectHref(router: Router) {
  return (subject: string) => router.history.createHref(router.buildLocation({ to: "/grants", search: { subject } }).href);
}

export function toolsHref(router: Router) {
  return router.history.createHref(router.buildLocation({ to: "/tools", search: { show: "ungranted" } }).href);
}

/** The code of each page, which comes when it is wanted. */
export const load = {
  approvals: () => import("../routes/approvals"),
  audit: () => import("../routes/audit"),
  connections: () => import("../routes/connections"),
  grants: () => import("../routes/grants"),
  home: () => import("../routes/home"),
  people: () => import("../routes/people"),
  prompt: () => import("../routes/prompt"),
  settings: () => import("../routes/settings"),
  tools: () => import("../routes/tools"),
  welcome: () => import("../routes/welcome"),
};

/** All of it, once there is nothing better to do: without the gateway a page could not be fetched any more, only be shown. */
export function loadAll(): void {
  // What fails is fetched again when it is wanted.
  for (const page of Object.values(load)) page().catch(() => undefined);
}

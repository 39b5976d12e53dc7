import { createHashHistory, createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, type RouterHistory, useLocation, useNavigate } from "@tanstack/react-router";

import { Empty, Failure, Loading } from "../components/states";
import { HISTORY_STATES, type HistoryFilter } from "../features/approvals/history-filter";
import { AUDIT_VIEWS, type AuditPart } from "../features/audit/parts";
import { DECISIONS, type FeedFilter } from "../features/audit/feed/feed";
import { filterOf, type TrailFilter } from "../features/audit/trail/filter";
import type { GridFilter } from "../features/grants/grid/grid-toolbar";
import { GRANT_VIEWS, type GrantsPart } from "../features/grants/parts";
import { SETTINGS_PARTS, type SettingsPart } from "../features/settings/parts";
import { START_STEPS, type StartStep } from "../features/start/use-start";
import { PEOPLE_PARTS, type PeoplePart } from "../features/people/parts";
import { TOOL_KINDS, TOOL_SHOWS, type ToolKinds, type ToolShow } from "../features/tools/parts";
import { strings } from "../strings";
import { Events } from "./events";
import { Gate } from "./gate";
import { Invite, INVITE } from "./invite";
import { load } from "./load";
import { Shell } from "./shell";

const rootRoute = createRootRoute({
  component: Root,
  notFoundComponent: () => <Empty icon="alert" title={strings.notFound.title} text={strings.notFound.text} />,
  errorComponent: () => (
    <Failure
      message={strings.crashed.message}
      next={strings.crashed.next}
      action={{ label: strings.retry, run: () => window.location.reload() }}
    />
  ),
});

function Root() {
  const navigate = useNavigate();
  const path = useLocation({ select: ({ pathname }) => pathname });
  // The prompt has a window of its own, and neither session nor admin API.
  if (path === "/prompt") return <Outlet />;
  // Whoever opens it has no session yet, or somebody else's.
  if (path === INVITE || path.startsWith(`${INVITE}/`)) return <Invite />;
  return (
    <Gate onSetUp={() => void navigate({ to: "/welcome" })}>
      {(user) => <Events>{path === "/welcome" ? <Outlet /> : <Shell user={user} />}</Events>}
    </Gate>
  );
}

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
/** Sequence numbers are valid ids, and the URL parser reads those as numbers. */
const id = (value: unknown) => (typeof value === "number" ? String(value) : text(value));

/** The dialog that adds something is open. */
interface Adding {
  add?: boolean | undefined;
}
const adding = (search: Record<string, unknown>): Adding => ({ add: search.add === true || undefined });

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: lazyRouteComponent(load.home, "HomePage"),
  validateSearch: (search: Record<string, unknown>): { call?: string | undefined; decision?: FeedFilter["decision"]; find?: string | undefined } => ({
    call: id(search.call),
    decision: DECISIONS.find((decision) => decision === search.decision),
    find: typeof search.find === "number" ? String(search.find) : text(search.find),
  }),
});
const connectionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/connections",
  component: lazyRouteComponent(load.connections, "ConnectionsPage"),
  validateSearch: (search: Record<string, unknown>): Adding & { open?: string | undefined } => ({ open: text(search.open), ...adding(search) }),
});
const grantsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/grants",
  component: lazyRouteComponent(load.grants, "GrantsPage"),
  validateSearch: (search: Record<string, unknown>): Partial<GridFilter> & { view?: GrantsPart | undefined; grant?: string | undefined } => ({
    subject: text(search.subject),
    find: id(search.find),
    who: id(search.who),
    view: GRANT_VIEWS.find((view) => view === search.view),
    grant: text(search.grant),
  }),
});
const peopleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/people",
  component: lazyRouteComponent(load.people, "PeoplePage"),
  validateSearch: (search: Record<string, unknown>): Adding & { user?: string | undefined; part?: PeoplePart | undefined; find?: string | undefined } => ({
    ...adding(search),
    user: text(search.user),
    part: PEOPLE_PARTS.find((part) => part === search.part),
    find: id(search.find),
  }),
});

const approvalsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/approvals",
  component: lazyRouteComponent(load.approvals, "ApprovalsPage"),
  validateSearch: (search: Record<string, unknown>): HistoryFilter & { open?: string | undefined } => ({
    open: id(search.open),
    state: HISTORY_STATES.find((state) => state === search.state),
    find: id(search.find),
  }),
});
const promptRoute = createRoute({ getParentRoute: () => rootRoute, path: "/prompt", component: lazyRouteComponent(load.prompt, "PromptPage") });
const toolsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/tools",
  component: lazyRouteComponent(load.tools, "ToolsPage"),
  validateSearch: (search: Record<string, unknown>): { find?: string | undefined; show?: ToolShow | undefined; kind?: ToolKinds | undefined } => ({
    find: text(search.find),
    show: TOOL_SHOWS.find((show) => show === search.show),
    kind: TOOL_KINDS.find((kind) => kind === search.kind),
  }),
});

const auditRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/audit",
  component: lazyRouteComponent(load.audit, "AuditPage"),
  validateSearch: (search: Record<string, unknown>): TrailFilter & { call?: string | undefined; view?: AuditPart | undefined } => ({
    ...filterOf(search),
    call: id(search.call),
    view: AUDIT_VIEWS.find((view) => view === search.view),
  }),
});

const settingsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/settings",
  component: lazyRouteComponent(load.settings, "SettingsPage"),
  validateSearch: (search: Record<string, unknown>): { part?: SettingsPart | undefined } => ({ part: SETTINGS_PARTS.find((part) => part === search.part) }),
});

const welcomeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/welcome",
  component: lazyRouteComponent(load.welcome, "WelcomePage"),
  validateSearch: (search: Record<string, unknown>): { step?: StartStep | undefined } => ({ step: START_STEPS.find((step) => step === search.step) }),
});

const routeTree = rootRoute.addChildren([homeRoute, welcomeRoute, approvalsRoute, promptRoute, grantsRoute, toolsRoute, connectionsRoute, peopleRoute, auditRoute, settingsRoute]);

/** Hash history: the same files work at the gateway's address and inside the window. */
export function createAppRouter(history: RouterHistory = createHashHistory()) {
  return createRouter({
    routeTree,
    history,
    // Whoever points at a link is about to follow it.
    defaultPreload: "intent",
    defaultPendingComponent: () => <Loading label={strings.loading} />,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}

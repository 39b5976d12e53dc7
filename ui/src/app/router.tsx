import { createHashHistory, createRootRoute, createRoute, createRouter, type RouterHistory } from "@tanstack/react-router";

import { Empty, Failure } from "../components/states";
import { ConnectionsPage } from "../routes/connections";
import { GrantsPage } from "../routes/grants";
import { HomePage } from "../routes/home";
import { PeoplePage } from "../routes/people";
import { strings } from "../strings";
import { Events } from "./events";
import { Gate } from "./gate";
import { Shell } from "./shell";

const rootRoute = createRootRoute({
  component: () => (
    <Gate>
      {(user) => (
        <Events>
          <Shell user={user} />
        </Events>
      )}
    </Gate>
  ),
  notFoundComponent: () => <Empty icon="alert" title={strings.notFound.title} text={strings.notFound.text} />,
  errorComponent: () => (
    <Failure
      message={strings.crashed.message}
      next={strings.crashed.next}
      action={{ label: strings.retry, run: () => window.location.reload() }}
    />
  ),
});

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

const homeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  component: HomePage,
  validateSearch: (search: Record<string, unknown>): { call?: string | undefined; decision?: "allow" | "deny" | undefined; find?: string | undefined } => ({
    // Sequence numbers are valid ids, and the URL parser reads those as numbers.
    call: typeof search.call === "number" ? String(search.call) : text(search.call),
    decision: search.decision === "allow" || search.decision === "deny" ? search.decision : undefined,
    find: typeof search.find === "number" ? String(search.find) : text(search.find),
  }),
});
const connectionsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/connections",
  component: ConnectionsPage,
  validateSearch: (search: Record<string, unknown>): { open?: string | undefined } => ({ open: text(search.open) }),
});
const grantsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/grants",
  component: GrantsPage,
  validateSearch: (search: Record<string, unknown>): { subject?: string | undefined } => ({ subject: text(search.subject) }),
});
const peopleRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/people",
  component: PeoplePage,
  validateSearch: (search: Record<string, unknown>): { user?: string | undefined } => ({ user: text(search.user) }),
});

const routeTree = rootRoute.addChildren([homeRoute, connectionsRoute, grantsRoute, peopleRoute]);

/** Hash history: the same files work at the gateway's address and inside the window. */
export function createAppRouter(history: RouterHistory = createHashHistory()) {
  return createRouter({ routeTree, history });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}

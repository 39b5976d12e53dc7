import "@mantine/core/styles.css";
import "@mantine/spotlight/styles.css";
import "./app/base.css";
import "./app/shell.css";
import "./components/components.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { createApiClient } from "./api/client";
import { GatewayProvider } from "./api/gateway";
import { createQueryClient } from "./app/query-client";
import { Look } from "./app/look";
import { QuitDialog } from "./app/quit-dialog";
import { createAppRouter } from "./app/router";
import { currentHost } from "./host";

const host = currentHost();
const gateway = { host, client: createApiClient(host) };
const router = createAppRouter();
// The tray and notifications lead here, whatever page is open and whoever has yet to sign in.
host.shell?.onOpenApprovals((open) => void router.navigate({ to: "/approvals", search: { open } }));
host.shell?.onOpenStory((call) => void router.navigate({ to: "/audit", search: { call } }));

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <Look>
      <QueryClientProvider client={createQueryClient()}>
        <GatewayProvider value={gateway}>
          <RouterProvider router={router} />
          {host.shell && <QuitDialog shell={host.shell} />}
        </GatewayProvider>
      </QueryClientProvider>
    </Look>
  </StrictMode>,
);

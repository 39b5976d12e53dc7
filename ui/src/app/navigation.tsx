import { Tooltip } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { useGateway } from "../api/gateway";
import { statusQuery } from "../api/queries";
import { Icon } from "../components/icons";
import { strings } from "../strings";
import { type Page, PAGES, PARTS } from "./pages";

const t = strings.nav;

/** The pages: with words where there is room, as icons with a hint where not, at the bottom of a phone. */
export function Navigation() {
  const narrow = useMediaQuery("(max-width: 1000px) and (min-width: 701px)", false, { getInitialValueInEffect: false });
  return (
    <nav aria-label={t.label}>
      {PARTS.map((part) => (
        <div key={part} className="nav-part">
          {PAGES.filter((page) => page.part === part).map((page) => (
            <Tooltip key={page.to} label={page.label} position="right" disabled={!narrow}>
              <NavLink page={page} />
            </Tooltip>
          ))}
        </div>
      ))}
    </nav>
  );
}

function NavLink({ page, ...rest }: { page: Page }) {
  return (
    <Link {...rest} to={page.to} className={page.onPhone ? "nav-link" : "nav-link not-phone"} activeOptions={{ exact: true, includeSearch: false }} data-testid={page.testId}>
      <Icon name={page.icon} />
      <span className="nav-text">{page.label}</span>
      {page.to === "/approvals" && <WaitingBadge />}
    </Link>
  );
}

/** How many calls wait for an answer: seen from every page. */
function WaitingBadge() {
  const { client } = useGateway();
  const waiting = useQuery(statusQuery(client)).data?.approvals ?? 0;
  return (
    <span role="status" data-waiting={waiting}>
      {waiting > 0 && (
        <span className="badge" data-tone="wait" data-testid="approvals-badge">
          <span aria-hidden="true">{waiting > 99 ? "99+" : waiting}</span>
          <span className="visually-hidden">{t.approvalsWaiting(waiting)}</span>
        </span>
      )}
    </span>
  );
}

import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { grantsQuery } from "../../api/queries";
import type { Tool } from "../../api/types";
import { strings } from "../../strings";
import { GrantLine } from "./change-list";
import { patternMatches } from "./patterns";
import "./grants.css";

/** Most that are shown; the page of grants has all. */
const MOST = 12;

/** Whose grants bear on a tool, by itself or by a pattern. */
export function ToolGrants({ tool }: { tool: Tool }) {
  const { client } = useGateway();
  const grants = useQuery(grantsQuery(client)).data;
  if (grants === undefined) return null;
  const target = { id: tool.id, effect: tool.effect, grantAs: tool.grant_as };
  const bearing = grants.filter((grant) => patternMatches(grant.tool, target) || grant.tool === tool.grant_as);
  return (
    <div data-testid={`access-${tool.id}`}>
      <p className="dim">{bearing.length === 0 ? strings.grants.noneBear : strings.grants.whoMay}</p>
      <ul className="change-list">
        {bearing.slice(0, MOST).map((grant) => (
          <li key={grant.id} className="tool-grant">
            <GrantLine grant={grant} />
          </li>
        ))}
      </ul>
      {bearing.length > MOST && <p className="dim">{strings.grants.moreBear(bearing.length - MOST)}</p>}
    </div>
  );
}

import { useQuery } from "@tanstack/react-query";

import { useGateway } from "../../api/gateway";
import { sessionQuery, toolsQuery } from "../../api/queries";
import type { Tool } from "../../api/types";
import { Loaded } from "../../components/states";
import { ToolName } from "../../components/tool-name";
import { strings } from "../../strings";

const t = strings.invites.own;
/** Of one connection; the page of tools has all. */
const SHOWN = 6;

/** What one's own agents may do, by connection; nothing of it can be changed here. */
export function OwnPermissions({ toolsHref }: { toolsHref: string }) {
  const { client } = useGateway();
  const own = useQuery(sessionQuery(client)).data?.user ?? "";
  const tools = useQuery({ ...toolsQuery(client, own), enabled: own !== "" });
  return (
    <section className="panel padded settings-part" aria-labelledby="own-permissions" data-testid="own-permissions">
      <h2 id="own-permissions">{t.permissions}</h2>
      <p className="note dim">{t.permissionsText}</p>
      <Loaded of={tools}>
        {(known) =>
          known.length === 0 ? (
            <p className="note">{t.nothing}</p>
          ) : (
            <>
              <dl className="facts">
                {byConnection(known).map(([connection, mine]) => (
                  <Part key={connection} connection={connection} tools={mine} />
                ))}
              </dl>
              <a href={toolsHref}>{t.allTools}</a>
            </>
          )
        }
      </Loaded>
    </section>
  );
}

function Part({ connection, tools }: { connection: string; tools: readonly Tool[] }) {
  return (
    <>
      <dt>
        {connection}
        <div className="small dim">{t.toolCount(tools.length)}</div>
      </dt>
      <dd>
        {tools.slice(0, SHOWN).map((tool) => (
          <div key={tool.id}>
            <ToolName id={tool.id} />
          </div>
        ))}
        {tools.length > SHOWN && <span className="dim">{t.more(tools.length - SHOWN)}</span>}
      </dd>
    </>
  );
}

function byConnection(tools: readonly Tool[]): [string, Tool[]][] {
  const parts = new Map<string, Tool[]>();
  for (const tool of tools) parts.set(tool.connection, [...(parts.get(tool.connection) ?? []), tool]);
  return [...parts].toSorted(([a], [b]) => a.localeCompare(b));
}

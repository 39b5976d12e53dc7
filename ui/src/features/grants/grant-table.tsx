import { ActionIcon, Button, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { hasCode } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { keys, toolsQuery } from "../../api/queries";
import type { Grant, Tool } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useIsAdmin } from "../../api/use-role";
import { useServiceState } from "../../api/use-service-state";
import { Conflict } from "../../components/dialogs";
import { Icon } from "../../components/icons";
import { Mark } from "../../components/mark";
import { Empty, Failure } from "../../components/states";
import { ToolName } from "../../components/tool-name";
import { UntrustedText } from "../../components/untrusted-text";
import { usePaging } from "../../components/use-paging";
import { strings } from "../../strings";
import { type Choice, EffectChoice } from "./effect-choice";
import { InForceMark, isLive } from "./grant-marks";
import { directGrant, groupTools, inForce, type Subject, teamVerdict, type ToolGroup, type ToolRow } from "./resolve";
import { NewTools, OwnGrants, Reasons } from "./row-notes";
import { useGrantDialogs } from "./use-grant-dialogs";

const STEP = 100;
const t = strings.grants;

interface GrantTableProps {
  subject: Subject;
  grants: readonly Grant[];
  tools: readonly Tool[];
}

interface Change {
  tool: string;
  choice: Choice;
  /** The grant that the person saw when they chose. */
  seen: Grant | undefined;
}

export function GrantTable({ subject, grants, tools }: GrantTableProps) {
  const { client } = useGateway();
  const queries = useQueryClient();
  const stopped = useServiceState() === "stopped";
  const decided = useQuery({ ...toolsQuery(client, subject.key), enabled: subject.kind !== "team" });
  const callable = decided.data && new Set(decided.data.map((tool) => tool.id));
  const mayChange = useIsAdmin();
  const { open, dialogs } = useGrantDialogs();
  const [find, setFind] = useState("");
  const [changing, setChanging] = useState<string>();
  const [conflict, setConflict] = useState<{ change: Change; current: Grant }>();

  // Never optimistic: the choice moves when the gateway has it.
  const save = useAction(async (change: Change) => {
    setChanging(change.tool);
    try {
      if (change.choice !== "none" && change.seen) {
        // What else the grant says stays as it is.
        const { id, version, expires_at: expires, rate } = change.seen;
        const body = { subject: subject.key, tool: change.tool, effect: change.choice, version, ...(expires == null ? {} : { expires }), ...(rate == null ? {} : { rate }) };
        await unwrap(client.PUT("/api/v1/grants/{id}", { params: { path: { id } }, body }));
      } else if (change.choice !== "none") {
        await unwrap(client.POST("/api/v1/grants", { body: { subject: subject.key, tool: change.tool, effect: change.choice, version: 0 } }));
      } else if (change.seen) {
        await unwrap(
          client.DELETE("/api/v1/grants/{id}", { params: { path: { id: change.seen.id }, query: { version: change.seen.version } } }),
        );
      }
      setConflict(undefined);
    } catch (error) {
      if (!hasCode(error, "stale") || !isGrant((error as { current: unknown }).current)) throw error;
      setConflict({ change, current: (error as { current: Grant }).current });
    } finally {
      await Promise.all([
        queries.invalidateQueries({ queryKey: [keys.grants] }),
        queries.invalidateQueries({ queryKey: [keys.tools] }),
      ]);
      setChanging(undefined);
    }
  });

  const [now] = useState(() => Date.now());
  const live = grants.filter((grant) => isLive(grant, now));
  const groups = groupTools(tools, grants, subject.key, now);
  const wanted = find.trim().toLowerCase();
  const all = groups.flatMap((group) => group.tools.map((tool) => ({ tool, group }))).filter(({ tool }) => wanted === "" || tool.id.toLowerCase().includes(wanted));
  const { shown, left, more } = usePaging(all, STEP);
  const rowsOf = (group: ToolGroup) => shown.filter((row) => row.group === group).map((row) => row.tool);
  const known = new Set(tools.map((tool) => tool.id));
  const off = stopped || !mayChange;

  const choice = (tool: string) => {
    const seen = directGrant(grants, subject.key, tool);
    return (
      <div className="grant-choice">
        <EffectChoice
          tool={tool}
          value={seen?.effect ?? "none"}
          pending={changing === tool}
          disabled={off || (changing !== undefined && changing !== tool)}
          onChoose={(chosen) => void save.run({ tool, choice: chosen, seen })}
        />
        {mayChange && (
          <ActionIcon variant="subtle" color="gray" size={26} aria-label={t.details(tool)} title={t.details(tool)} disabled={off} onClick={() => open(seen ? { grant: seen } : { subject: subject.key, tool })} data-testid={`details-${tool}`}>
            <Icon name="more" />
          </ActionIcon>
        )}
      </div>
    );
  };
  const own = (tool: string) => <OwnGrants subject={subject} grants={grants} tool={tool} now={now} onEdit={mayChange && !stopped ? (grant) => open({ grant }) : undefined} />;
  const verdict = (tool: ToolRow) => {
    if (subject.kind === "team") return <InForceMark verdict={teamVerdict(live, subject.key, tool)} />;
    if (callable === undefined) return <Mark tone="neutral" icon="clock" label={decided.isError ? t.unknown : "…"} />;
    if (!known.has(tool.id)) return <Mark tone="neutral" icon="dash" label={t.notOffered} />;
    return <InForceMark verdict={inForce(live, subject, tool, callable.has(tool.id))} />;
  };

  return (
    <>
      {save.error && <Failure message={save.error.message} next={save.error.next} action={{ label: strings.dismiss, run: save.clear }} />}
      {tools.length === 0 && <Empty icon="plug" title={t.noToolsTitle} text={t.noToolsText} />}
      <div className="toolbar">
        <TextInput size="xs" w={240} aria-label={t.filterTools} placeholder={t.filterTools} value={find} onChange={(event) => setFind(event.currentTarget.value)} data-testid="grants-find-tool" />
        {!mayChange && <span className="dim small">{t.readOnly}</span>}
      </div>
      <div className="panel table-scroll">
        <table className="grant-table stack-table">
          <thead>
            <tr>
              <th scope="col">{t.tool}</th>
              <th scope="col">{subject.kind === "team" ? t.teamEffective : t.effective}</th>
              <th scope="col">{t.setHere(subject.key)}</th>
            </tr>
          </thead>
          {groups
            .filter((group) => wanted === "" || rowsOf(group).length > 0)
            .map((group) => (
              <tbody key={group.connection}>
                {group.patterns.map((pattern) => (
                  <tr key={pattern} className="grant-pattern">
                    <th scope="row">
                      {t.patternRow(group.connection, pattern)} <code>{pattern}</code>
                      <NewTools grant={directGrant(grants, subject.key, pattern)} />
                    </th>
                    <td>
                      <Reasons subject={subject} grants={live} tool={{ id: pattern }} />
                    </td>
                    <td>
                      {choice(pattern)}
                      {own(pattern)}
                    </td>
                  </tr>
                ))}
                {rowsOf(group).map((tool) => (
                  <tr key={tool.id} data-testid={`grant-row-${tool.id}`}>
                    <th scope="row">
                      <ToolName id={tool.id} kind={tool.kind} /> {tool.fresh && <Mark tone="wait" icon="alert" label={t.newTool} />}
                      {tool.description && (
                        <div className="dim clamp">
                          <UntrustedText text={tool.description} />
                        </div>
                      )}
                    </th>
                    <td>
                      {verdict(tool)}
                      <Reasons subject={subject} grants={live} tool={tool} />
                    </td>
                    <td>
                      {choice(tool.grantAs)}
                      {own(tool.grantAs)}
                      {tool.grantAs !== tool.id && <p className="grant-as dim">{t.grantAs(tool.grantAs)}</p>}
                    </td>
                  </tr>
                ))}
              </tbody>
            ))}
        </table>
        {wanted !== "" && all.length === 0 && <p className="dim note table-note">{t.noToolMatches}</p>}
      </div>
      {left > 0 && (
        <Button size="xs" variant="default" w="fit-content" onClick={more}>
          {t.more(left)}
        </Button>
      )}
      {conflict && (
        <Conflict
          title={t.conflictTitle}
          explanation={t.conflictText}
          mineLabel={t.mine}
          mine={wish(conflict.change)}
          theirsLabel={t.theirs}
          theirs={t.nowIs(conflict.current.tool, conflict.current.effect, conflict.current.version)}
          keep={t.keepTheirs}
          overwrite={conflict.change.choice === "none" ? t.removeAnyway : t.setAnyway}
          pending={save.pending}
          onKeep={() => setConflict(undefined)}
          onOverwrite={() => void save.run({ ...conflict.change, seen: conflict.current })}
        />
      )}
      {dialogs}
    </>
  );
}

function wish({ tool, choice, seen }: Change): string {
  return choice === "none" ? t.removal(tool, seen?.effect, seen?.version) : t.setting(tool, choice, seen?.version);
}

function isGrant(value: unknown): value is Grant {
  return typeof value === "object" && value !== null && "id" in value && "effect" in value && "version" in value;
}

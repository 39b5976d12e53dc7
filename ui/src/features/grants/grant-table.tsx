import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { unwrap } from "../../api/client";
import { hasCode } from "../../api/error";
import { useGateway } from "../../api/gateway";
import { keys, toolsQuery } from "../../api/queries";
import type { Grant, Tool } from "../../api/types";
import { useAction } from "../../api/use-action";
import { useServiceState } from "../../api/use-service-state";
import { Conflict } from "../../components/dialogs";
import { Mark } from "../../components/mark";
import { Empty, Failure } from "../../components/states";
import { UntrustedText } from "../../components/untrusted-text";
import { strings } from "../../strings";
import { type Choice, EffectChoice } from "./effect-choice";
import { directGrant, groupTools, inheritedGrants, outsideScope, type Subject, teamVerdict } from "./resolve";

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
  const [changing, setChanging] = useState<string>();
  const [conflict, setConflict] = useState<{ change: Change; current: Grant }>();

  // Never optimistic: the choice moves when the gateway has it.
  const save = useAction(async (change: Change) => {
    setChanging(change.tool);
    try {
      if (change.choice !== "none") {
        const version = change.seen?.version ?? 0;
        const body = { subject: subject.key, tool: change.tool, effect: change.choice, version };
        await unwrap(client.POST("/api/v1/grants", { body }));
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

  const groups = groupTools(tools, grants, subject.key);
  const known = new Set(tools.map((tool) => tool.id));
  const choice = (tool: string) => {
    const seen = directGrant(grants, subject.key, tool);
    return (
      <EffectChoice
        tool={tool}
        value={seen?.effect ?? "none"}
        pending={changing === tool}
        disabled={stopped || (changing !== undefined && changing !== tool)}
        onChoose={(chosen) => void save.run({ tool, choice: chosen, seen })}
      />
    );
  };
  const verdict = (tool: string) => {
    if (subject.kind === "team") {
      const effect = teamVerdict(grants, subject.key, tool);
      return <Verdict effect={effect ?? "none"} label={effect === undefined ? t.nothing : undefined} />;
    }
    if (callable === undefined) return <Mark tone="neutral" icon="clock" label={decided.isError ? t.unknown : "…"} />;
    if (!known.has(tool)) return <Mark tone="neutral" icon="dash" label={t.notOffered} />;
    return <Verdict effect={callable.has(tool) ? "allow" : "deny"} />;
  };

  return (
    <>
      {save.error && <Failure message={save.error.message} next={save.error.next} action={{ label: strings.dismiss, run: save.clear }} />}
      {groups.length === 0 && <Empty icon="plug" title={t.noToolsTitle} text={t.noToolsText} />}
      <div className="panel">
        <table className="grant-table">
          <thead>
            <tr>
              <th scope="col">{t.tool}</th>
              <th scope="col">{subject.kind === "team" ? t.teamEffective : t.effective}</th>
              <th scope="col">{t.setHere(subject.key)}</th>
            </tr>
          </thead>
          <tbody>
            <tr className="grant-pattern">
              <th scope="row" colSpan={2}>
                {t.everything} <code>*</code>
              </th>
              <td>{choice("*")}</td>
            </tr>
          </tbody>
          {groups.map((group) => (
            <tbody key={group.connection}>
              <tr className="grant-pattern">
                <th scope="row">
                  {group.connection} <code>{group.connection}.*</code>
                </th>
                <td>
                  <Reasons subject={subject} grants={grants} tool={`${group.connection}.*`} />
                </td>
                <td>{choice(`${group.connection}.*`)}</td>
              </tr>
              {group.tools.map((tool) => (
                <tr key={tool.id} data-testid={`grant-row-${tool.id}`}>
                  <th scope="row">
                    <code>{tool.id}</code>
                    {tool.description && (
                      <div className="dim clamp">
                        <UntrustedText text={tool.description} />
                      </div>
                    )}
                  </th>
                  <td>
                    {verdict(tool.id)}
                    <Reasons subject={subject} grants={grants} tool={tool.id} />
                  </td>
                  <td>{choice(tool.id)}</td>
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </div>
      {conflict && (
        <Conflict
          title={t.conflictTitle}
          explanation={t.conflictText}
          mineLabel={t.mine}
          mine={t.removal(conflict.change.tool, conflict.change.seen?.effect, conflict.change.seen?.version)}
          theirsLabel={t.theirs}
          theirs={t.nowIs(conflict.current.tool, conflict.current.effect, conflict.current.version)}
          keep={t.keepTheirs}
          overwrite={t.removeAnyway}
          pending={save.pending}
          onKeep={() => setConflict(undefined)}
          onOverwrite={() => void save.run({ ...conflict.change, seen: conflict.current })}
        />
      )}
    </>
  );
}

function Verdict({ effect, label }: { effect: Choice; label?: string | undefined }) {
  if (effect === "none") return <Mark tone="neutral" icon="dash" label={label ?? t.nothing} />;
  return effect === "allow" ? <Mark tone="allow" icon="check" label={t.allowed} /> : <Mark tone="deny" icon="cross" label={t.denied} />;
}

/** Where the effective state comes from, when not from this row. */
function Reasons({ subject, grants, tool }: { subject: Subject; grants: readonly Grant[]; tool: string }) {
  const inherited = inheritedGrants(grants, subject, tool);
  const outside = outsideScope(subject, tool);
  if (inherited.length === 0 && !outside) return null;
  return (
    <ul className="reasons">
      {inherited.map(({ grant, effect }) => (
        <li key={grant.id}>{t.via(effect, grant.subject, grant.tool, grant.subject === subject.key)}</li>
      ))}
      {outside && <li>{t.outsideScope}</li>}
    </ul>
  );
}

function isGrant(value: unknown): value is Grant {
  return typeof value === "object" && value !== null && "id" in value && "effect" in value && "version" in value;
}

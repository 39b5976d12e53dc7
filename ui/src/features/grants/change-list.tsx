import type { Change, Effect, Grant } from "../../api/types";
import { dayAndTime } from "../../components/time";
import { ToolName } from "../../components/tool-name";
import { strings } from "../../strings";
import { EffectMark } from "./grant-marks";
import "./grants.css";

const t = strings.grants.change;

/** A change of the permission map in words and marks. `grants` names what is edited or removed by its id. */
export function ChangeList({ change, grants }: { change: Change; grants: readonly Grant[] }) {
  const known = (id: string) => grants.find((grant) => grant.id === id);
  const lines = [
    ...(change.remove ?? []).map(({ id }) => ({ key: `remove ${id}`, what: t.remove, grant: known(id), id })),
    ...(change.edit ?? []).map((edit) => ({ key: `edit ${edit.id}`, what: t.edit, grant: edit, id: edit.id })),
    ...(change.add ?? []).map((add) => ({ key: `add ${JSON.stringify(add)}`, what: t.add, grant: add, id: "" })),
  ];
  if (lines.length === 0) return <p className="dim note">{t.nothing}</p>;
  return (
    <ul className="change-list" data-testid="change">
      {lines.map((line) => (
        <li key={line.key}>
          <span className="change-what">{line.what}</span>
          <div className="change-grant">{line.grant ? <GrantLine grant={line.grant} /> : t.removedGrant(line.id)}</div>
        </li>
      ))}
    </ul>
  );
}

interface Shown {
  subject: string;
  tool: string;
  effect: Effect;
  when?: string | null;
  expires?: string | null;
  expires_at?: string | null;
  rate?: string | null;
}

export function GrantLine({ grant }: { grant: Shown }) {
  const end = grant.expires_at ?? grant.expires;
  return (
    <>
      <div className="grant-line">
        <EffectMark effect={grant.effect} /> <ToolName id={grant.tool} /> <span className="dim">·</span> <span className="wrap">{grant.subject}</span>
      </div>
      {grant.when != null && <code className="when">{grant.when}</code>}
      {(end != null || grant.rate != null) && (
        <div className="dim">
          {[end != null && (/^\d+[a-z]+$/.test(end) ? strings.grants.list.lasting(end) : strings.grants.list.until(dayAndTime(end))), grant.rate != null && strings.grants.list.rate(grant.rate)]
            .filter(Boolean)
            .join(" · ")}
        </div>
      )}
    </>
  );
}

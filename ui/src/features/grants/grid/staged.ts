import type { Change, Effect, Grant } from "../../../api/types";
import { isPast } from "../../../components/time";
import type { PermissionIndex } from "../resolve";

export type Choice = Effect | "none";

/** The key that makes each choice, in the grid and in a cell's card. */
export const CHOICE_KEYS: Readonly<Record<string, Choice>> = { a: "allow", k: "ask", d: "deny", Backspace: "none", Delete: "none" };

/** What a person wants to be set in one cell, and has not applied yet. */
export interface Edit {
  subject: string;
  /** A tool or a pattern. */
  tool: string;
  choice: Choice;
  /** The grant that they saw when they chose. */
  seen: Grant | undefined;
}

export type Staged = ReadonlyMap<string, Edit>;

/** Most changes that the gateway makes together (CHANGES_MAX in admin/changes.rs). */
export const MOST = 1_000;

export const editKey = (subject: string, tool: string) => `${subject}\t${tool}`;

/** With these choices; what is as it was seen is no change. */
export function staged(before: Staged, choices: readonly { subject: string; tool: string; choice: Choice }[], index: PermissionIndex, now: number): Staged {
  const after = new Map(before);
  for (const { subject, tool, choice } of choices) {
    const key = editKey(subject, tool);
    // Whoever chooses again has seen no more than before.
    const known = before.get(key);
    const seen = known ? known.seen : index.own(subject, tool);
    const counts = seen !== undefined && !(seen.expires_at != null && isPast(seen.expires_at, now));
    const same = choice === "none" ? seen === undefined : counts && seen.effect === choice;
    if (same) after.delete(key);
    else after.set(key, { subject, tool, choice, seen });
  }
  return after;
}

export function changeOf(edits: Staged, now: number): Change {
  const change = { add: [], edit: [], remove: [] } as Required<Pick<Change, "add" | "edit" | "remove">>;
  for (const { subject, tool, choice, seen } of edits.values()) {
    if (choice === "none") {
      if (seen) change.remove.push({ id: seen.id, version: seen.version });
      continue;
    }
    if (seen === undefined) {
      change.add.push({ subject, tool, effect: choice, version: 0 });
      continue;
    }
    // What else the grant says stays as it is; but what has ended would end again, and what denies has no rate.
    const { id, version, expires_at: expires, rate } = seen;
    const end = expires == null || isPast(expires, now) ? {} : { expires };
    const limit = rate == null || choice === "deny" ? {} : { rate };
    change.edit.push({ id, subject, tool, effect: choice, version, ...end, ...limit });
  }
  return change;
}

export interface Clash {
  edit: Edit;
  /** What is there now; nothing if it was removed. */
  now: Grant | undefined;
}

/** Edits of what somebody else has changed since it was seen. */
export function clashesOf(edits: Staged, index: PermissionIndex): Clash[] {
  return [...edits.values()].flatMap((edit) => {
    const now = index.own(edit.subject, edit.tool);
    const same = edit.seen?.id === now?.id && edit.seen?.version === now?.version;
    return same ? [] : [{ edit, now }];
  });
}

/** Whether what is there now is what was wanted: then there is nothing left to do. */
export function isSettled({ edit, now }: Clash): boolean {
  return edit.choice === "none" ? now === undefined : now?.effect === edit.choice && now.expires_at == null;
}

/** After a person looked at what clashed: theirs are dropped, one's own are now of what is there. */
export function rebased(edits: Staged, clashes: readonly Clash[], mine: ReadonlySet<string>): Staged {
  const after = new Map(edits);
  for (const clash of clashes) {
    const key = editKey(clash.edit.subject, clash.edit.tool);
    if (mine.has(key) && !isSettled(clash) && !(clash.edit.choice === "none" && clash.now === undefined)) after.set(key, { ...clash.edit, seen: clash.now });
    else after.delete(key);
  }
  return after;
}

import type { QueryClient } from "@tanstack/react-query";

import type { Host } from "../host";
import { keys } from "./queries";
import type { AuditRecord, GatewayEvent } from "./types";

/** Changes often come in groups; one re-read serves them all. */
const INVALIDATE_AFTER_MS = 100;

export interface EventFeed {
  /** Every new audit record, in order of arrival. */
  onAudit(listener: (record: AuditRecord) => void): () => void;
  /** Events may have been lost: read again. */
  onGap(listener: () => void): () => void;
}

/** What to read again when `what` has changed: counts and effective tools follow from other rows. */
const AFFECTED: Record<string, readonly string[]> = {
  connections: [keys.connections, keys.tools, keys.status],
  users: [keys.users, keys.teams, keys.agents, keys.grants, keys.suggestions, keys.tools, keys.session, keys.status],
  agents: [keys.agents, keys.users, keys.tools, keys.status],
  teams: [keys.teams, keys.users, keys.grants, keys.suggestions, keys.tools],
  grants: [keys.grants, keys.suggestions, keys.tools, keys.approvals, keys.status],
  tools: [keys.tools, keys.grants, keys.connections],
  approvals: [keys.approvals, keys.status],
  audit: [keys.audit, keys.status],
  sharing: [keys.sharing],
  invites: [keys.invites],
  status: [keys.status, keys.health, keys.connections, keys.audit, keys.keychain],
  sessions: [keys.sessions],
};

/** The one event stream of the page. `connect` returns the stream's end. */
export function createEvents(host: Host, queries: QueryClient): EventFeed & { connect: () => () => void } {
  const auditListeners = new Set<(record: AuditRecord) => void>();
  const gapListeners = new Set<() => void>();
  const stale = new Set<string>();
  let timer: number | undefined;

  const invalidate = (names: readonly string[]) => {
    for (const name of names) stale.add(name);
    timer ??= window.setTimeout(() => {
      timer = undefined;
      for (const name of stale) void queries.invalidateQueries({ queryKey: [name] });
      stale.clear();
    }, INVALIDATE_AFTER_MS);
  };
  const readAgain = () => {
    invalidate(Object.values(keys));
    for (const listener of gapListeners) listener();
  };

  const connect = () => {
    const stop = host.subscribe({
      onMessage: (json) => {
        const event = parseEvent(json);
        if (event === undefined) return;
        if (event.type === "audit") for (const listener of auditListeners) listener(event.record);
        else if (event.type === "changed") invalidate(AFFECTED[event.what] ?? Object.values(keys));
        else readAgain();
      },
      onOpen: (again) => {
        if (again) readAgain();
      },
      onDown: () => invalidate([keys.health, keys.session]),
    });
    return () => {
      window.clearTimeout(timer);
      timer = undefined;
      stop();
    };
  };

  return {
    connect,
    onAudit: (listener) => listen(auditListeners, listener),
    onGap: (listener) => listen(gapListeners, listener),
  };
}

function listen<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** `undefined` for what this version does not know: a newer gateway may send more kinds. */
function parseEvent(json: string): GatewayEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return undefined;
  const known = value.type === "audit" ? "record" in value : value.type === "changed" ? "what" in value : value.type === "missed";
  return known ? (value as GatewayEvent) : undefined;
}

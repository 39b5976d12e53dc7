import type { AuditRecord } from "../../../api/types";
import { isCall } from "../rows";

/** Who called what, as far as a call got. */
export interface Called {
  caller: string;
  tool: string;
}

/** One thing that happened to a call. */
export interface Step {
  record: AuditRecord;
  /** `asked`, an answer, `intent`, or `outcome`. */
  what: string;
}

/** The records of a call, put together. */
export interface Told {
  /** Nothing but the one record: it is about no call. */
  alone: AuditRecord | undefined;
  called: Called | undefined;
  user: string | undefined;
  agent: string | undefined;
  tool: string | undefined;
  effect: string | undefined;
  face: string | undefined;
  time: string;
  args: Readonly<Record<string, unknown>> | undefined;
  clear: Readonly<Record<string, unknown>> | undefined;
  digest: string | undefined;
  /** The record that says how it was decided in the end. */
  decided: AuditRecord | undefined;
  outcome: AuditRecord | undefined;
  steps: readonly Step[];
  erased: boolean;
  /** Id of the call whose full arguments or result are kept. */
  bodies: string | undefined;
}

/** `records`: oldest first, at least one. */
export function tell(records: readonly AuditRecord[]): Told {
  const first = <T>(read: (record: AuditRecord) => T | null | undefined): T | undefined => {
    for (const record of records) {
      const found = read(record);
      if (found != null) return found;
    }
    return undefined;
  };
  const ofCall = records.filter((record) => isCall(record) || record.kind === "approval");
  const intent = ofCall.findLast((record) => record.kind === "intent");
  const outcome = ofCall.findLast((record) => record.kind === "outcome");
  const [user, agent, tool] = [first((record) => record.user), first((record) => record.agent), first((record) => record.tool)];
  return {
    alone: ofCall.length === 0 ? records[0] : undefined,
    called: user === undefined || tool === undefined ? undefined : { caller: agent === undefined ? user : `${user}/${agent}`, tool },
    user,
    agent,
    tool,
    effect: first((record) => record.effect),
    face: first((record) => record.face),
    time: records[0]?.time ?? "",
    args: first((record) => record.args as Record<string, unknown> | null),
    clear: first((record) => record.clear as Record<string, unknown> | null),
    digest: first((record) => record.args_digest),
    decided: outcome ?? intent ?? ofCall.at(-1),
    outcome,
    steps: ofCall.map((record) => ({ record, what: record.kind === "approval" ? (record.status ?? "asked") : record.kind })),
    erased: records.some((record) => record.erased),
    bodies: first((record) => (record.body ? record.call_id : undefined)),
  };
}

/** An argument as the trail has it: its values in clear, or the type and size of what is redacted. */
export interface Argument {
  path: string;
  values: readonly unknown[] | undefined;
  shape: string | undefined;
}

/** Those in clear first: they are what one came to read. */
export function argumentsOf({ args, clear }: Pick<Told, "args" | "clear">): Argument[] {
  const shown = Object.entries(clear ?? {}).map(([path, values]): Argument => ({ path, values: Array.isArray(values) ? values : [values], shape: undefined }));
  const whole = new Set(shown.map(({ path }) => path));
  const shapes = Object.entries(args ?? {})
    .filter(([name]) => !whole.has(name))
    .map(([path, shape]): Argument => ({ path, values: undefined, shape: typeof shape === "string" ? shape : JSON.stringify(shape) }));
  return [...shown, ...shapes];
}

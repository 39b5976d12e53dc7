import { plural } from "./words";

const number = (count: number) => count.toLocaleString("en");

/** Home. */
export const activity = {
  title: "The last hour",
  perMinute: "Calls per minute",
  chart: "Calls of each minute of the last hour; choose some to see them in the trail",
  lastMinute: (calls: number) => `${plural(calls, "call", "calls")} in the last full minute`,
  minute: (time: string, calls: number, denied: number) => `${time}: ${plural(calls, "call", "calls")}${denied === 0 ? "" : `, ${number(denied)} denied`}`,
  hourAgo: "1 h ago",
  now: "now",
  peak: (most: number) => `peak: ${number(most)} a minute`,
  calls: "Calls this hour",
  denied: "Denied",
  waiting: "Waiting",
  active: "Agents active",
};

export const health = {
  title: "Connections and agents",
  connections: "Connections",
  agents: "Agents",
  all: "All",
  noConnections: "None yet.",
  noAgents: "None yet.",
  never: "not used yet",
  paused: "Paused",
  expired: "Expired",
  more: (count: number) => `and ${number(count)} more`,
};

/** In the audit, above the records. */
export const chart = {
  label: "Records over time; choose a part of it to see only that",
  found: (calls: number, denied: number, others: number) => `${plural(calls, "call", "calls")}, ${number(denied)} denied, ${plural(others, "other record", "other records")}.`,
  peak: (most: number) => `highest bar: ${number(most)}`,
  partly: "The range is long: what is older is not counted. Choose a shorter time.",
  bucket: (time: string, calls: number, denied: number, others: number) => `From ${time}: ${plural(calls, "call", "calls")}, ${number(denied)} denied, ${number(others)} other`,
};

export const here = {
  title: "Verify it here",
  button: "Verify the trail",
  again: "Verify it again",
  text: "The gateway reads every record it has, computes its hash, puts all of them together again and compares the result with every checkpoint it signed. Calls go on meanwhile.",
  running: (records: number, of: number) => (of === 0 ? "Beginning…" : `${number(records)} of ${number(of)} records checked`),
  holds: {
    title: "Nothing was changed",
    records: (records: number, first: number, last: number) => `${plural(records, "record", "records")}, numbers ${number(first)} to ${number(last)}, are exactly what was signed: none was changed, taken out, added or moved.`,
    checkpoints: (count: number) => `${plural(count, "signed checkpoint fits", "signed checkpoints fit")} them.`,
    removed: (below: number) => `Records before number ${number(below)} were removed by your retention settings; the trail itself says so.`,
    erased: (count: number) => `The words of ${plural(count, "record", "records")} were erased on demand or by age; a later record says so.`,
    open: (count: number) => `${plural(count, "call has", "calls have")} no outcome yet: under way when it was checked.`,
  },
  broken: {
    title: "The trail is not what was signed",
    next: "Keep the gateway's data folder as it is, make a copy of it, and find out who could write there. Then compare with an export or a checkpoint that you kept elsewhere.",
  },
  failed: { title: "It could not be checked", next: "Try again; if it stays so, export the trail and run “agw audit verify”." },
  cannot: {
    title: "What this cannot tell",
    rewritten: "Whether all of it was rewritten by somebody who has this machine and its signing key: nobody outside keeps checkpoints. A witness would notice.",
    witnessed: "Whether all of it was rewritten since the witness last took a checkpoint, by somebody who has this machine and its signing key.",
    machine: "Whether this machine tells the truth: a changed gateway could answer anything. Export the trail and check it elsewhere, with the key you kept.",
    truth: "Whether a call was right. It proves what was recorded, not that it should have been done.",
  },
};

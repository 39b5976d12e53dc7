/** What the id of a tool, a prompt or a resource says of it. */
interface Item {
  kind: "tool" | "prompt" | "resource";
  connection: string;
  /** The name that its server knows it by: a prompt's name, a resource's URI. */
  own: string;
}

/** Of a connection's name there is no dot, and no tool's name begins with `@`. */
export function itemOf(id: string): Item {
  const dot = id.indexOf(".");
  const [connection, name] = dot < 0 ? ["", id] : [id.slice(0, dot), id.slice(dot + 1)];
  if (name.startsWith("@prompt/")) return { kind: "prompt", connection, own: name.slice("@prompt/".length) };
  if (name.startsWith("@resource/")) return { kind: "resource", connection, own: name.slice("@resource/".length) };
  return { kind: "tool", connection, own: name };
}

/** What is done with it: the verb, what it is done to, and of which connection that is where the name does not say so. */
interface Deed {
  verb: string;
  name: string;
  of: string | undefined;
}

const VERBS = { tool: "call", prompt: "get the prompt", resource: "read the resource" };

export function deedOf(id: string): Deed {
  const { kind, connection, own } = itemOf(id);
  return kind === "tool" ? { verb: VERBS.tool, name: id, of: undefined } : { verb: VERBS[kind], name: own, of: connection };
}

const LONGEST_SPOKEN = 120;

/** The same as one text, for labels: `read the resource file:///a of docs`. */
export function deed(id: string): string {
  const { verb, name, of } = deedOf(id);
  const short = name.length > LONGEST_SPOKEN ? `${name.slice(0, LONGEST_SPOKEN)}…` : name;
  return `${verb} ${short}${of === undefined ? "" : ` of ${of}`}`;
}

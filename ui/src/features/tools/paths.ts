const DEEPEST = 4;
const MOST_PATHS = 200;

/**
 * Paths of arguments, `to` or `message.subject`, that a tool's own JSON Schema
 * names; through lists as the gateway goes through them. It comes from the
 * tool's server, so it is bounded.
 */
export function pathsOf(schema: unknown, prefix = "", depth = 0): string[] {
  if (depth >= DEEPEST || !isRecord(schema)) return [];
  if (isRecord(schema.items)) return pathsOf(schema.items, prefix, depth + 1);
  if (!isRecord(schema.properties)) return [];
  return Object.entries(schema.properties)
    .slice(0, MOST_PATHS)
    .flatMap(([name, inner]) => {
      const path = prefix === "" ? name : `${prefix}.${name}`;
      const deeper = pathsOf(inner, path, depth + 1);
      return deeper.length > 0 ? deeper : [path];
    })
    .slice(0, MOST_PATHS);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

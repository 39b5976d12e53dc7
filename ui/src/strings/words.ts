export const list = (names: readonly string[]) => names.join(", ");
/** What a connection offers: its tools, and the others where there are any. */
export function offers(tools: number, prompts: number | undefined, resources: number | undefined): string {
  const others = [prompts ? plural(prompts, "prompt", "prompts") : "", resources ? plural(resources, "resource", "resources") : ""];
  const all = [tools > 0 || others.every((text) => text === "") ? plural(tools, "tool", "tools") : "", ...others];
  return all.filter((text) => text !== "").join(", ");
}
export const plural = (count: number, one: string, many: string) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

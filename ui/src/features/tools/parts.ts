/** What of the tools is shown, as the address names it. */
export const TOOL_SHOWS = ["all", "new", "ungranted", "unconfirmed", "changed"] as const;
export type ToolShow = (typeof TOOL_SHOWS)[number];
export const TOOL_KINDS = ["all", "tool", "prompt", "resource"] as const;
export type ToolKinds = (typeof TOOL_KINDS)[number];

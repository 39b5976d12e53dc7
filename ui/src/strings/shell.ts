import { plural } from "./words";

/** The frame around the pages, the palette and the keys. */
export const shell = {
  titleOf: (page: string, product: string) => `${page} · ${product}`,
  find: "Search or do…",
  account: "Your account",
  roles: { admin: "Admin", auditor: "Auditor", member: "Member" },
  colors: "Colors",
  schemes: { auto: "System", light: "Light", dark: "Dark" },
  contrast: "Contrast",
  contrasts: { auto: "System", normal: "Normal", more: "More" },
  keys: "Keyboard shortcuts",
} as const;

/** What a screen says when it has nothing to show and the reason is not its own. */
export const screen = {
  offline: { title: "Nothing to show: the gateway does not answer", text: "This page fills by itself once the gateway is back." },
  sealed: { title: "Nothing to show while the gateway is sealed", text: "Unlock it above. This page then fills by itself." },
} as const;

export const palette = {
  title: "Search or do",
  placeholder: "A page, a person, a tool, a call’s id, or what to do…",
  nothing: "Nothing here is called that. Try a person, a tool, a connection or the id of a call.",
  groups: { waiting: "Waiting for you", go: "Go to", do: "Do", people: "People", agents: "Agents", connections: "Connections", tools: "Tools", calls: "Calls" },
  answer: (who: string, tool: string) => `${who} wants to call ${tool}`,
  openCall: (id: string) => `Open the story of call ${id}`,
  searchTrail: (words: string) => `Search the audit trail for “${words}”`,
  failed: "That was not done",
  pause: "Pause all agents",
  resume: "Resume all agents",
  addConnection: "Add a connection",
  addPerson: "Add a person",
  connectAgent: "Connect an agent",
  verify: "Verify the audit trail",
  scheme: { auto: "Colors: as the system", light: "Colors: light", dark: "Colors: dark" },
  contrast: { more: "More contrast", normal: "Normal contrast" },
  keys: "Show keyboard shortcuts",
  signOut: "Sign out",
  agentOf: (user: string) => `Agent of ${user}`,
  toolsOf: (count: number) => plural(count, "tool", "tools"),
} as const;

export const keyboard = {
  title: "Keyboard shortcuts",
  palette: "Search, or do something",
  sheet: "Show this list",
  close: "Close what is open",
  goTo: (page: string) => `Go to ${page}`,
  afterwards: "then",
  singleKeys: "Single-key shortcuts",
  singleKeysText: "Keys without Ctrl, Alt or Cmd. They never act while you type or while a dialog is open. Switch them off if you speak your input.",
  tables: "In tables and lists, Tab goes through rows and Enter opens one.",
} as const;

import { strings } from "../../strings";

/** What a person gives a client to reach the gateway, where nobody does it for them. */
export interface Snippet {
  /** Also the name of its agent. */
  id: string;
  title: string;
  /** Where the text goes; a command to run if there is none. */
  file?: string;
  text: (url: string, token: string) => string;
  /** A line to run first. */
  before?: (token: string) => string;
  /** The token goes into a file of its own. */
  bridge?: true;
}

const json = (value: unknown) => JSON.stringify(value, null, 2);
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

export const SNIPPETS: readonly [Snippet, ...Snippet[]] = [
  {
    id: "claude-code",
    title: "Claude Code",
    text: (url, token) => `claude mcp add --transport http --scope user gateway ${url} --header "Authorization: Bearer ${token}"`,
  },
  {
    id: "claude-desktop",
    title: "Claude Desktop",
    file: "claude_desktop_config.json",
    bridge: true,
    text: (url) => json({ mcpServers: { gateway: { command: "agw", args: ["mcp", "--url", url, "--token-file", "/path/to/token"] } } }),
  },
  {
    id: "cursor",
    title: "Cursor",
    file: "~/.cursor/mcp.json",
    text: (url, token) => json({ mcpServers: { gateway: { url, headers: bearer(token) } } }),
  },
  {
    id: "vscode",
    title: "VS Code",
    file: "mcp.json (MCP: Open User Configuration)",
    text: (url, token) => json({ servers: { gateway: { type: "http", url, headers: bearer(token) } } }),
  },
  {
    id: "windsurf",
    title: "Windsurf",
    file: "~/.codeium/windsurf/mcp_config.json",
    text: (url, token) => json({ mcpServers: { gateway: { serverUrl: url, headers: bearer(token) } } }),
  },
  {
    id: "codex",
    title: "Codex",
    file: "~/.codex/config.toml",
    before: (token) => `export AGW_TOKEN=${token}`,
    text: (url) => `[mcp_servers.gateway]\nurl = ${JSON.stringify(url)}\nbearer_token_env_var = "AGW_TOKEN"`,
  },
  {
    id: "gemini-cli",
    title: "Gemini CLI",
    file: "~/.gemini/settings.json",
    text: (url, token) => json({ mcpServers: { gateway: { httpUrl: url, headers: bearer(token) } } }),
  },
  {
    id: "zed",
    title: "Zed",
    file: "~/.config/zed/settings.json",
    text: (url, token) => json({ context_servers: { gateway: { url, headers: bearer(token) } } }),
  },
  {
    id: "goose",
    title: "Goose",
    file: "~/.config/goose/config.yaml",
    text: (url, token) =>
      `extensions:\n  gateway:\n    enabled: true\n    type: streamable_http\n    name: gateway\n    description: AI Agent Gateway\n    uri: ${JSON.stringify(url)}\n    headers:\n      Authorization: ${JSON.stringify(`Bearer ${token}`)}\n    timeout: 300`,
  },
  {
    id: "agent",
    title: strings.clients.otherProgram,
    file: "its configuration of MCP servers",
    text: (url, token) => json({ mcpServers: { gateway: { type: "http", url, headers: bearer(token) } } }),
  },
];

export function snippetOf(client: string): Snippet {
  return SNIPPETS.find(({ id }) => id === client) ?? SNIPPETS[0];
}

import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";

import type { ClientPreview, FoundClient, ShellClients } from "../../api/types";
import { type Reply, type Seen, fakeHost, renderWith, signedIn } from "../../test/gateway";
import { ConnectAgents } from "./connect-agents";
import { ClientChecks } from "./client-checks";
import { HowTo } from "./how-to";
import { SNIPPETS } from "./snippets";

const found = (client: string, state: FoundClient["state"], more: Partial<FoundClient> = {}): FoundClient => ({
  client,
  title: client.toUpperCase(),
  file: `/h/${client}.json`,
  state,
  agent: null,
  token_file: null,
  servers: 0,
  undo: false,
  findings: [],
  ...more,
});
const preview: ClientPreview = { client: "zed", file: "/h/zed.json", digest: "d1", diff: "--- a\n+++ a\n@@ -1 +1 @@\n-{}\n+{ \"gateway\": <b>1</b> }\n", notes: ["The token goes into a file."] };
const agent = { id: "a1", user: "ana", name: "zed" };

function shellWith(clients: FoundClient[], more: Partial<ShellClients> = {}): ShellClients {
  return {
    list: vi.fn(async () => clients),
    preview: vi.fn(async () => preview),
    previewUnwire: vi.fn(async () => preview),
    previewImport: vi.fn(async () => ({ items: [], preview })),
    wire: vi.fn(async () => ({ client: "zed", file: "/h/zed.json", agent, connections: [], restart: "Start it again." })),
    unwire: vi.fn(async () => ({ client: "zed", file: "/h/zed.json", exact: true, revoked: ["ana/zed"], left: [], connections: ["crm"] })),
    import: vi.fn(async () => ({ client: "zed", file: "/h/zed.json", agent: null, connections: ["crm"], restart: "Start it again." })),
    saveBundle: vi.fn(async () => ({ file: "/h/Downloads/x.mcpb", bytes: 1, address: "https://gw.lan:7411", shared: true })),
    saveAuthority: vi.fn(async () => ({ file: "/h/Downloads/ca.crt" })),
    managed: vi.fn(async () => ({ files: [], address: "https://gw.lan:7411", shared: true })),
    ...more,
  };
}

const answer = ({ method, path }: Seen): Reply => {
  if (method === "POST") return { status: 201, body: { id: "a9", user: "ana", name: "codex-2", token: "st_once" } };
  if (path.startsWith("/api/v1/agents")) return { body: [{ user: "ana", name: "codex" }] };
  return { body: { url: "http://127.0.0.1:7410" } };
};

function show(clients: ShellClients, children = <ConnectAgents user="ana" />) {
  const { host } = fakeHost(signedIn("admin", () => ({ body: [] })));
  const shell = { clients } as NonNullable<typeof host.shell>;
  renderWith({ ...host, kind: "tauri", shell }, children);
}

it("says of each client how it is, what is wrong and what to do", async () => {
  const wrong = { level: "problem" as const, message: "its token has expired", next: "Give it more time." };
  show(shellWith([found("zed", "wired", { agent, findings: [wrong] }), found("codex", "malformed"), found("goose", "absent"), found("cursor", "found", { servers: 2 })]));
  const zed = within(await screen.findByTestId("client-zed"));
  expect(zed.getByText("Connected, but does not work")).toBeVisible();
  expect(zed.getByText("calls as ana/zed")).toBeVisible();
  expect(zed.getByText(/Its token has expired/)).toHaveTextContent("Give it more time.");
  expect(within(screen.getByTestId("client-codex")).queryByRole("button")).toBeNull();
  expect(within(screen.getByTestId("client-cursor")).getByText("Import 2 servers")).toBeVisible();
  expect(screen.getByText("Not found here: GOOSE.")).toBeVisible();
});

it("shows the exact change, and makes it only once that was agreed to", async () => {
  const shell = shellWith([found("zed", "found")]);
  show(shell);
  await userEvent.click(await screen.findByTestId("client-wire-zed"));
  const diff = await screen.findByTestId("client-diff");
  expect(diff.textContent).toContain('+{ "gateway": <b>1</b> }');
  expect(diff.querySelector("b")).toBeNull();
  expect(screen.getByText("The token goes into a file.")).toBeVisible();
  expect(shell.wire).not.toHaveBeenCalled();
  await userEvent.click(screen.getByTestId("client-connect"));
  expect(await screen.findByText("ZED is connected as ana/zed.")).toBeVisible();
  expect(screen.getByText("Start it again.")).toBeVisible();
  expect(shell.wire).toHaveBeenCalledWith("zed", "d1", "ana");
});

it("shows the change anew when the file changed meanwhile", async () => {
  const refused = { code: "client_changed", message: "it has changed", next: "Look again." };
  const shell = shellWith([found("zed", "found")], { wire: vi.fn(() => Promise.reject(refused)) });
  show(shell);
  await userEvent.click(await screen.findByTestId("client-wire-zed"));
  await screen.findByTestId("client-diff");
  await userEvent.click(screen.getByTestId("client-connect"));
  await userEvent.click(await screen.findByRole("button", { name: "Show it again" }));
  await waitFor(() => expect(shell.preview).toHaveBeenCalledTimes(2));
});

it("undoes it and revokes the agent, unless it is told not to", async () => {
  const shell = shellWith([found("zed", "wired", { agent, undo: true })]);
  show(shell);
  await userEvent.click(await screen.findByTestId("client-unwire-zed"));
  await screen.findByTestId("client-diff");
  await userEvent.click(screen.getByTestId("client-revoke"));
  await userEvent.click(screen.getByTestId("client-undo"));
  const done = await screen.findByTestId("client-done");
  expect(done).toHaveTextContent("byte for byte");
  expect(done).toHaveTextContent("The connections that were imported stay: crm.");
  expect(shell.unwire).toHaveBeenCalledWith("zed", "d1", false);
});

it("imports nothing that was not chosen, and shows whole commands", async () => {
  const stdio = { name: "fs", connection: "fs", transport: { kind: "stdio" as const, argv: ["sh", "-c", "x\u202e"] }, secrets: ["KEY"], note: null, problem: null };
  const odd = { name: "odd", connection: "odd", transport: null, secrets: [], note: null, problem: "it is odd" };
  const shell = shellWith([found("zed", "found", { servers: 2 })], { previewImport: vi.fn(async () => ({ items: [stdio, odd], preview })) });
  show(shell, <ConnectAgents user="ana" permissionsHref="#/grants" />);
  await userEvent.click(await screen.findByTestId("client-import-zed"));
  const words = within(await screen.findByRole("list", { name: "Command" })).getAllByRole("listitem");
  expect(words.map((word) => word.textContent)).toEqual(["sh", "-c", "xU+202E"]);
  expect(screen.getByText("to the vault: KEY")).toBeVisible();
  expect(screen.getByTestId("import-odd")).toBeDisabled();
  expect(screen.getByTestId("client-import")).toBeDisabled();
  await userEvent.click(screen.getByTestId("import-fs"));
  await screen.findByTestId("client-diff");
  expect(shell.previewImport).toHaveBeenLastCalledWith("zed", ["fs"]);
  await userEvent.click(screen.getByTestId("client-import"));
  expect(await screen.findByText(/Added the connections crm/)).toBeVisible();
  expect(screen.getByTestId("client-permissions")).toHaveAttribute("href", "#/grants");
  expect(shell.import).toHaveBeenCalledWith("zed", "d1", ["fs"], "ana");
});

const AWAY = { address: "http://127.0.0.1:7410", shared: false };

it.each([
  { shared: true, where: "https://gw.lan:7411", warns: 0 },
  { shared: false, where: "http://127.0.0.1:7410", warns: 1 },
])("saves the extension, says where it leads and what comes next: shared $shared", async ({ shared, where, warns }) => {
  const shell = shellWith([], shared ? {} : { saveBundle: vi.fn(async () => ({ file: "/h/Downloads/x.mcpb", bytes: 1, ...AWAY })) });
  show(shell, <ConnectAgents user="ana" sharingHref="#/settings?part=sharing" />);
  await userEvent.click(await screen.findByTestId("client-bundle"));
  expect(await screen.findByText(`Saved /h/Downloads/x.mcpb, which leads to ${where}. Open it with Claude Desktop there, and give it the token of an agent: make one above.`)).toBeVisible();
  expect(screen.queryAllByRole("link", { name: "Let other machines in…" })).toHaveLength(warns);
});

it("shows the files that leave no way but the gateway, where they go, and that this machine alone is named", async () => {
  const file = { name: "managed-mcp.json", places: ["Linux: /etc/claude-code/managed-mcp.json"], why: "No other servers.", content: '{ "mcpServers": {} }\n' };
  const shell = shellWith([], { managed: vi.fn(async () => ({ files: [file], ...AWAY })) });
  show(shell, <ConnectAgents user="ana" sharingHref="#/settings?part=sharing" />);
  await userEvent.click(await screen.findByTestId("managed-claude-code"));
  expect(await screen.findByTestId("managed-file-managed-mcp.json")).toHaveTextContent('{ "mcpServers": {} }');
  expect(screen.getByText("Linux: /etc/claude-code/managed-mcp.json")).toBeVisible();
  expect(screen.getByTestId("only-here")).toHaveTextContent("http://127.0.0.1:7410");
  expect(shell.managed).toHaveBeenCalledWith("claude-code");
});

it("says nothing of other machines in the first run", async () => {
  show(shellWith([]));
  await screen.findByTestId("client-make");
  expect(screen.queryByTestId("client-bundle")).toBeNull();
  expect(screen.queryByTestId("managed-claude-code")).toBeNull();
});

async function forAnotherMachine(state: string, url: string | null) {
  const { host } = fakeHost(
    signedIn("admin", ({ path }) => ({ body: path === "/api/v1/status" ? { url: "http://127.0.0.1:7410" } : path === "/api/v1/sharing" ? { state, url } : path.endsWith("/authority") ? { in_use: false } : [] })),
  );
  renderWith(host, <HowTo token="st_x" sharingHref="#/sharing" />);
  expect(await screen.findByTestId("client-snippet")).toHaveTextContent("http://127.0.0.1:7410/mcp");
  await userEvent.selectOptions(await screen.findByTestId("how-to-where"), "there");
}

it("gives a program on another machine the address that it reaches", async () => {
  await forAnotherMachine("listening", "https://gw.lan:7411");
  expect(screen.getByTestId("client-snippet")).toHaveTextContent("https://gw.lan:7411/mcp");
});

it("says that another machine has no way in, and where to let it in", async () => {
  await forAnotherMachine("off", null);
  expect(screen.queryByTestId("client-snippet")).toBeNull();
  expect(screen.getByRole("link", { name: "Let other machines in…" })).toHaveAttribute("href", "#/sharing");
});

it("says that Claude Desktop takes the extension, with the address that it asks for", async () => {
  const { host } = fakeHost(signedIn("member", ({ path }) => ({ body: path === "/api/v1/status" ? { url: "https://gw.lan:7411" } : { in_use: false } })));
  renderWith(host, <HowTo token="st_x" client="claude-desktop" />);
  expect(await screen.findByTestId("client-address")).toHaveTextContent("https://gw.lan:7411/mcp");
  expect(screen.getByText(/ai-agent-gateway\.mcpb/)).toBeVisible();
});

it("offers the address alone to programs that sign in by themselves", async () => {
  const { host } = fakeHost(signedIn("member", answer));
  renderWith(host, <ConnectAgents user="ana" />);
  expect(await screen.findByTestId("client-sign-in")).toHaveTextContent("http://127.0.0.1:7410/mcp");
});

it("shows an agent's token once, ready for each client, and keeps it nowhere", async () => {
  const { host, seen } = fakeHost(signedIn("member", answer));
  renderWith(host, <ConnectAgents user="ana" />);
  await userEvent.selectOptions(await screen.findByTestId("client-choose"), "codex");
  await waitFor(() => expect(screen.getByTestId("client-make")).toBeEnabled());
  await userEvent.click(screen.getByTestId("client-make"));
  expect(await screen.findByTestId("token")).toHaveTextContent("st_once");
  expect(await screen.findByTestId("client-before")).toHaveTextContent("export AGW_TOKEN=st_once");
  expect(screen.getByTestId("client-snippet")).toHaveTextContent('url = "http://127.0.0.1:7410/mcp"');
  expect(seen.find((request) => request.method === "POST")).toMatchObject({ path: "/api/v1/users/ana/agents", body: { name: "codex-2", scope: [] } });
  await userEvent.selectOptions(screen.getByTestId("how-to-client"), "claude-code");
  expect(screen.getByTestId("client-snippet")).toHaveTextContent('claude mcp add --transport http --scope user gateway http://127.0.0.1:7410/mcp --header "Authorization: Bearer st_once"');
  expect(JSON.stringify({ ...localStorage, ...sessionStorage }) + window.location.href).not.toContain("st_once");
  await userEvent.click(screen.getByTestId("client-again"));
  expect(screen.queryByText(/st_once/)).toBeNull();
});

it("shows nothing below the clients while it looks for them: it would jump away from under a click", async () => {
  const answers: ((clients: FoundClient[]) => void)[] = [];
  show(shellWith([], { list: vi.fn(() => new Promise<FoundClient[]>((resolve) => answers.push(resolve))) }));
  await screen.findByTestId("state-loading");
  expect(screen.queryByTestId("client-make")).toBeNull();
  answers.forEach((resolve) => resolve([]));
  expect(await screen.findByTestId("client-make")).toBeVisible();
});

it("offers the same in the window, for programs that it does not know", async () => {
  show(shellWith([]));
  expect(await screen.findByTestId("machine-clients")).toBeVisible();
  expect(screen.getByTestId("client-make")).toBeVisible();
});

it.each([
  { url: "https://gw.example:7411", inUse: true, trusts: true },
  { url: "https://gw.example:7411", inUse: false, trusts: false },
  { url: "http://127.0.0.1:7410", inUse: true, trusts: false },
])("says how to trust the gateway's own authority where a program meets it: $url, $inUse", async ({ url, inUse, trusts }) => {
  const authority = { pem: "", fingerprint: "ab:cd", not_after: "", in_use: inUse };
  const { host, seen } = fakeHost(signedIn("member", ({ path }) => ({ body: path === "/api/v1/status" ? { url } : path === "/api/v1/sharing/authority" ? authority : [] })));
  renderWith(host, <HowTo token="st_x" />);
  expect(await screen.findByTestId("client-snippet")).toHaveTextContent(`${url}/mcp`);
  await waitFor(() => expect(seen.filter(({ path }) => path.endsWith("/authority"))).toHaveLength(url.startsWith("https:") ? 1 : 0));
  await waitFor(() => expect(screen.queryAllByText("ab:cd")).toHaveLength(trusts ? 1 : 0));
  expect(screen.queryAllByTestId("connect-trust")).toHaveLength(trusts ? 1 : 0);
});

it("tells the diagnostics what is wrong with the clients of this machine", async () => {
  const wrong = { level: "problem" as const, message: "its token has expired", next: "Give it more time." };
  const shell = shellWith([found("zed", "wired", { agent, findings: [wrong] }), found("cursor", "wired"), found("goose", "absent")]);
  show(shell, <ClientChecks shell={shell} />);
  expect(await screen.findByTestId("doctor-zed")).toHaveTextContent("Its token has expired. Give it more time.");
  expect(screen.getByTestId("doctor-cursor")).toHaveTextContent("Connected");
  expect(screen.queryByTestId("doctor-goose")).toBeNull();
});

it.each(SNIPPETS)("has a text for $title with the address, and the token in one place", ({ text, before, bridge }) => {
  const all = text("http://g/mcp", "st_x") + (before?.("st_x") ?? "") + (bridge ? "st_x" : "");
  expect(all).toContain("http://g/mcp");
  expect(all.split("st_x")).toHaveLength(2);
});

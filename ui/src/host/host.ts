/** Where the web view runs. The only place where browser and window differ. */
export interface Host {
  kind: "browser" | "tauri";
  /** Origin to build API addresses from. */
  baseUrl: string;
  /** Carries one admin API request. Rejects when the gateway cannot be reached. */
  fetch(request: Request): Promise<Response>;
  /** Opens the event stream, re-opening it for as long as it is wanted. Returns its end. */
  subscribe(listener: StreamListener): () => void;
  /** The window's own requests; absent in a browser, which has no tray. */
  shell?: Shell;
  /** In the prompt's window, which has nothing else: neither `shell` nor an admin API. */
  prompt?: Prompt;
}

export interface StreamListener {
  /** One `Event` as JSON. */
  onMessage(json: string): void;
  /** The stream is open; `again` when it was lost before, so that events may be missing. */
  onOpen(again: boolean): void;
  onDown(): void;
}

export interface Shell {
  /** Starts the gateway if it is not running. */
  start(): Promise<void>;
  /** Also asks when the tray's Quit was chosen before the page was ready. */
  onAskQuit(ask: () => void): () => void;
  /** The tray or a notification asks for the page of approvals, or for one of them, also before the page was ready. */
  onOpenApprovals(open: (id?: string) => void): () => void;
  /** The tray asks for the story of a call, also before the page was ready. */
  onOpenStory(open: (id: string) => void): () => void;
  /** As if the tray's Quit had been chosen: not every desktop has a tray. */
  askQuit(): void;
  quit(stop: boolean): Promise<void>;
  preferences: ShellPreferences;
  clients: ShellClients;
  /** Saves what this path of the admin API exports in the folder for downloads. Aborted, nothing is left of it. */
  saveTrail(path: string, told: (saving: Saving) => void, signal: AbortSignal): Promise<Saved>;
}

/** How far an export is. */
export interface Saving {
  bytes: number;
  records: number;
  /** How many records are looked through, where that is known. */
  of: number | null;
}

export interface Saved {
  /** Its path, or its name where the browser chooses the folder. */
  file: string;
  bytes: number;
  records: number;
}

/** The MCP clients of this machine. Their secrets and their agents' tokens never get here. Rejects with an error of the admin API's form. */
export interface ShellClients {
  list(): Promise<FoundClient[]>;
  preview(client: string): Promise<ClientPreview>;
  previewUnwire(client: string): Promise<ClientPreview>;
  /** `names` are the client's, of those to import. */
  previewImport(client: string, names: readonly string[]): Promise<{ items: ImportableServer[]; preview: ClientPreview }>;
  /** `digest` is that of the preview: a file that changed since is refused. */
  wire(client: string, digest: string, user: string): Promise<WiredClient>;
  unwire(client: string, digest: string, revoke: boolean): Promise<UnwiredClient>;
  import(client: string, digest: string, names: readonly string[], user: string): Promise<WiredClient>;
  saveBundle(): Promise<{ file: string; bytes: number } & Reach>;
  /** The certificate of the gateway's own authority, to be given to other machines. */
  saveAuthority(): Promise<{ file: string }>;
  /** Files with which administrators of machines leave the client no other server. */
  managed(client: string): Promise<{ files: ManagedFile[] } & Reach>;
}

/** What something leads to, and whether other machines reach that. */
interface Reach {
  address: string;
  shared: boolean;
}

interface ManagedFile {
  name: string;
  /** Where it goes, by system. */
  places: string[];
  why: string;
  content: string;
}

interface ClientAgent {
  id: string;
  user: string;
  name: string;
}

export interface FoundClient {
  client: string;
  title: string;
  file: string;
  state: "absent" | "found" | "wired" | "elsewhere" | "malformed";
  /** As what it calls, where this gateway wired it. */
  agent: ClientAgent | null;
  /** Where that agent's token is. */
  token_file: string | null;
  /** Servers of it that can become connections. */
  servers: number;
  /** There is a change of ours to undo. */
  undo: boolean;
  findings: ClientFinding[];
}

interface ClientFinding {
  level: "ok" | "warning" | "problem";
  message: string;
  next: string;
}

export interface ClientPreview {
  client: string;
  file: string;
  digest: string;
  /** Unified; values that may be secrets are `…`. */
  diff: string;
  notes: string[];
}

export interface ImportableServer {
  name: string;
  connection: string;
  transport: { kind: "stdio"; argv: string[] } | { kind: "http"; url: string } | null;
  /** Names only. */
  secrets: string[];
  note: string | null;
  problem: string | null;
}

interface WiredClient {
  client: string;
  file: string;
  agent: ClientAgent | null;
  connections: string[];
  restart: string;
}

interface UnwiredClient {
  client: string;
  file: string;
  exact: boolean;
  revoked: string[];
  left: string[];
  connections: string[];
}

export interface Preferences {
  autostart: boolean;
  notifications: boolean;
  promptWindow: "auto" | "always" | "never";
}

export interface ShellPreferences {
  get(): Promise<Preferences>;
  /** What is left out stays as it is. Resolves to all of them. */
  set(change: Partial<Preferences>): Promise<Preferences>;
}

/** One call that waits for an answer, as the shell hands it to the prompt. */
export interface PromptCard {
  /** An `Approval` of the admin API. */
  approval: unknown;
  /** How many wait, with this one. */
  count: number;
}

export interface Prompt {
  /** The call to show now, and each that takes its place. */
  onCard(show: (card: PromptCard) => void): () => void;
  /** Rejects with an error of the admin API. */
  answer(id: string, answer: "once" | "session" | "deny"): Promise<void>;
  later(id: string): Promise<void>;
  /** In the window, where there is more to do about it. */
  open(id: string): Promise<void>;
  /** How high the content is. */
  fit(height: number): Promise<void>;
}

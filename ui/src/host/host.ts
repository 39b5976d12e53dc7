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
  /** The tray or a notification asks for the page of approvals, also before the page was ready. */
  onOpenApprovals(open: () => void): () => void;
  /** As if the tray's Quit had been chosen: not every desktop has a tray. */
  askQuit(): void;
  quit(stop: boolean): Promise<void>;
  /** What the app does on this machine by itself. */
  preferences?: {
    get(): Promise<Preferences>;
    set(change: Partial<Preferences>): Promise<void>;
  };
}

export interface Preferences {
  /** Off unless chosen. */
  autostart: boolean;
  notifications: boolean;
  /** `auto`: where the platform's notifications have no actions. */
  promptWindow: "auto" | "always" | "never";
}

import { isTauri } from "@tauri-apps/api/core";

import { browserHost } from "./browser";
import type { Host } from "./host";
import { tauriHost } from "./tauri";

export type { ClientPreview, FoundClient, Host, ImportableServer, Preferences, Saved, Saving, Shell, ShellClients, ShellPreferences, StreamListener } from "./host";

export function currentHost(): Host {
  return isTauri() ? tauriHost() : browserHost();
}

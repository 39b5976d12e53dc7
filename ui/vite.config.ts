import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { budget } from "./budget.ts";

export default defineConfig({
  plugins: [react(), budget()],
  // Relative, so that the same files work at tauri://localhost and at the gateway's address.
  base: "./",
  build: {
    target: "es2022",
    // The content security policy allows no data: scripts, and asset files cache better.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // In one file, so that what is drawn does not depend on the page that one has come from.
    cssCodeSplit: false,
    // budget.ts is stricter; only the dictionaries that passwords are compared with are larger.
    chunkSizeWarningLimit: 2000,
  },
  server: { proxy: { "/api": "http://127.0.0.1:7410" } },
  test: {
    environment: "jsdom",
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
    // Two cores may be busy with builds, too.
    testTimeout: 20_000,
  },
});

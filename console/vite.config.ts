// Builds the console to static files. `npm run console` serves it while it is worked on, in front of a server that runs.
import path from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const SERVER = process.env["HOLDFAST_SERVER"] ?? "http://127.0.0.1:4000";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: path.join(import.meta.dirname, "dist"),
    emptyOutDir: true,
    target: ["chrome123", "firefox121", "safari17.5"],
    // An asset in a data: URL is one that the Content-Security-Policy would have to allow.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // Not the sources in console/graphql.
  server: { proxy: { "^/graphql$": SERVER, "/api": SERVER, "/readyz": SERVER } },
});

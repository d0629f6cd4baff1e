import { defineConfig } from "vite";

/** The bundle goes where the server and the wheel look for it. During `npm run dev` the API comes from a running studio. */
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: { outDir: "../src/sakuga/web/static", emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false }, sourcemap: false },
  server: { proxy: { "/api": "http://127.0.0.1:8765", "/frames": "http://127.0.0.1:8765" } },
});

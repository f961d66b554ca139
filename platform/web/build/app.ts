import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import optimizeLocales from "@react-aria/optimize-locales-plugin";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin, type UserConfig } from "vite";

/** Writes `.br` and `.gz` beside every text file, so that the server never compresses. */
function compressed(): Plugin {
  let folder = "";
  return {
    name: "cloister-compressed",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(entry.name)) continue;
        const path = join(entry.parentPath, entry.name);
        const content = readFileSync(path);
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** One app's build: hashed files under /assets and a page with nothing inline, as the content security policy demands. */
export function cloisterApp(): UserConfig {
  return defineConfig({
    plugins: [{ ...optimizeLocales.vite({ locales: ["en-US", "es-ES"] }), enforce: "pre" }, react(), compressed()],
    build: {
      rolldownOptions: { input: ["index.html", "waiting.html"] },
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      target: "es2022",
      emptyOutDir: true,
      sourcemap: false,
    },
  }) as UserConfig;
}

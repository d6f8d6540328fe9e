/**
 * Vite for the browser half, as a program: `build` writes `_fresh/` (nothing when it is newer than
 * its sources), `dev <port>` serves the sources with hot replacement. The server never needs it.
 * Runs with `--node-modules-dir=auto`, since Vite resolves packages from folders.
 *
 * @module
 */
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { preact } from "@preact/preset-vite";
import tailwindcss from "@tailwindcss/vite";
import { build, createServer, type InlineConfig, type Plugin } from "vite";
import { buildFolder, client, filesIn, newestOf, styles } from "./assets.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const project = join(root, "..");

/** The project's own names of the import map: `fresh/runtime`, `shared/…`. */
function aliases(): { find: RegExp; replacement: string }[] {
  const { imports } = JSON.parse(readFileSync(join(project, "import_map.json"), "utf8")) as {
    imports: Record<string, string>;
  };
  return Object.entries(imports).filter(([, to]) => to.startsWith("./")).map(([name, to]) => ({
    find: new RegExp(`^${name}${name.endsWith("/") ? "" : "$"}`),
    replacement: join(project, to),
  }));
}

const config: InlineConfig = {
  root,
  configFile: false,
  publicDir: false,
  cacheDir: join(project, "node_modules/.vite"),
  appType: "custom",
  logLevel: "warn",
  plugins: [preact({ devToolsEnabled: false }), tailwindcss()],
  resolve: { alias: aliases(), dedupe: ["preact", "@preact/signals"] },
};

async function buildBrowserHalf(): Promise<void> {
  const target = join(root, buildFolder);
  const sources = filesIn(root).filter((file) => !file.startsWith(target));
  const manifest = join(target, "manifest.json");
  if (
    existsSync(manifest) &&
    newestOf([manifest]) > newestOf([...sources, join(project, "import_map.json")])
  ) return;
  // Beside it and then in its place: who reads it meanwhile finds the old one whole.
  const fresh = `${target}_${Deno.pid}`;
  await build({
    ...config,
    base: `/${buildFolder}/`,
    build: {
      outDir: fresh,
      assetsDir: "",
      manifest: "manifest.json",
      target: ["chrome123", "firefox120", "safari17.5"],
      modulePreload: { polyfill: false },
      rollupOptions: {
        input: [
          join(root, client),
          join(root, styles),
          ...filesIn(join(root, "islands"), /\.tsx?$/),
        ],
        preserveEntrySignatures: "strict",
      },
    },
  });
  if (existsSync(target)) rmSync(target, { recursive: true });
  renameSync(fresh, target);
}

const signals = join(root, "fresh/signals_dev.ts");
const keepSignals: Plugin = {
  name: "keep-signals",
  enforce: "pre",
  resolveId: (id, importer) =>
    id === "@preact/signals" && importer !== signals ? signals : undefined,
};

/** Routes are no part of the browser half: their pages come from the server again. */
const reloadRoutes: Plugin = {
  name: "reload-routes",
  configureServer({ watcher, ws }) {
    watcher.on("all", (_event, file) => {
      if (file.startsWith(join(root, "routes"))) ws.send({ type: "full-reload" });
    });
  },
};

async function serve(port: number): Promise<void> {
  const server = await createServer({
    ...config,
    plugins: [keepSignals, reloadRoutes, config.plugins],
    server: {
      port,
      strictPort: true,
      host: "localhost",
      origin: `http://localhost:${port}`,
      // What a page waits for is made while the server starts; the rest would only be in its way.
      warmup: { clientFiles: [styles] },
    },
    optimizeDeps: {
      include: ["preact", "preact/hooks", "preact/jsx-runtime", "preact/jsx-dev-runtime"]
        .concat("preact/debug", "@preact/signals", "chart.js"),
    },
  });
  await server.listen();
}

if (import.meta.main) {
  if (Deno.args[0] === "dev") await serve(Number(Deno.args[1] ?? 5173));
  else await buildBrowserHalf();
}

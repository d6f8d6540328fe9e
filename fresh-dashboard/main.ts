/**
 * The dashboard: a server that renders pages, keeps sessions, and passes live updates on. By itself
 * it listens on `DASHBOARD_PORT` and talks to `UI_BACKEND_URL`; `functions/main.ts` runs it inside
 * the platform.
 *
 * @module
 */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { App, type Assets, builtAssets, type Info, noAssets, staticFiles, viteAssets } from "fresh";
import { filesIn, newestOf } from "./fresh/assets.ts";
import type { Site, State } from "./define.ts";
import { secured } from "./session/headers.ts";

const here = fileURLToPath(new URL("./", import.meta.url));

export interface DashboardOptions extends Partial<Omit<Site, "backend">> {
  /** Where `ui-backend` listens, e.g. `http://127.0.0.1:8007`; asked for with each request. */
  backend: () => string;
  assets?: Assets;
  /** The folder with `routes/`, `islands/` and `static/`; this one when absent. */
  root?: string;
  onError?(error: unknown, request: Request): void;
}

/** Whether pages will have their styles and scripts. */
export function isBuilt(): boolean {
  return builtAssets(here) !== undefined;
}

/** What answers the dashboard's requests. */
export async function dashboard(
  options: DashboardOptions,
): Promise<(request: Request, info?: Info) => Promise<Response>> {
  const { vite, onError, root = here } = options;
  const site: Site = {
    get backend() {
      return options.backend();
    },
    production: options.production ?? false,
    ...(vite ? { vite } : {}),
    fetch: options.fetch ?? fetch,
    now: options.now ?? Date.now,
  };
  const assets = options.assets ??
    (vite ? viteAssets(vite) : builtAssets(root) ?? noAssets);
  const app = new App<State>({ assets, ...(onError ? { onError } : {}) });
  app.use(async (ctx) => {
    Object.assign(ctx.state, { site, theme: "system", cookies: [] });
    const response = secured(await ctx.next(), site);
    if (response.status !== 101) {
      for (const cookie of ctx.state.cookies) response.headers.append("set-cookie", cookie);
    }
    return response;
  });
  if (vite) {
    const answering = untilAnswering(vite);
    let routes = routesVersion(root);
    app.use(async (ctx) => {
      await answering;
      const now = routesVersion(root);
      if (now !== routes) await app.fsRoutes(root, now);
      routes = now;
      return await ctx.next();
    });
    const run = newestOf(filesIn(root).filter((file) => !replaced.test(relative(root, file))));
    app.use((ctx) => ctx.url.pathname === "/_fresh/started" ? started(run) : ctx.next());
  }
  app.use(staticFiles(root));
  await app.fsRoutes(root);
  return app.handler();
}

/** How long a page waits for Vite, which starts beside this server; then it comes bare. */
const patience_ms = 5_000;

/** Resolves when Vite answers: a page that came before it would have neither styles nor scripts. */
async function untilAnswering(vite: string): Promise<void> {
  const deadline = Date.now() + patience_ms;
  while (Date.now() < deadline) {
    try {
      await (await fetch(vite, { method: "HEAD" })).body?.cancel();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Another one when a route was edited, added or removed. */
function routesVersion(root: string): string {
  const files = filesIn(join(root, "routes"));
  return `${newestOf(files)}-${files.length}`;
}

/**
 * Islands and what they share are replaced in the page, routes in the server; with anything else
 * the server starts again, and then the page.
 */
const replaced = /^(islands|live|assets|static|routes|_fresh)/;

/** Tells pages in development what the server that they talk to was started from. */
function started(run: number): Response {
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue(`retry: 100\ndata: ${run}\n\n`),
  });
  return new Response(stream.pipeThrough(new TextEncoderStream()), {
    headers: { "content-type": "text/event-stream" },
  });
}

if (import.meta.main) {
  const { env } = Deno;
  const vite = env.get("DASHBOARD_VITE");
  const handler = await dashboard({
    backend: () => env.get("UI_BACKEND_URL") || "http://localhost:8007",
    production: env.get("ENVIRONMENT") === "production",
    onError: (error) => console.error(error),
    ...(vite ? { vite } : {}),
  });
  if (!vite && !isBuilt()) {
    console.warn("The browser half is not built, pages are bare: run deno task dashboard:build");
  }
  Deno.serve({
    hostname: env.get("HOST") || "127.0.0.1",
    port: Number(env.get("DASHBOARD_PORT") || 3001),
    onListen: ({ hostname, port }) => console.log(`Listening on http://${hostname}:${port}`),
  }, (request, { remoteAddr }) =>
    handler(request, {
      remote: remoteAddr.transport === "tcp" ? remoteAddr.hostname : "",
      upgrade: (target) => Deno.upgradeWebSocket(target),
    }));
}

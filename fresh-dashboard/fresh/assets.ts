/**
 * The browser half as the server sees it: which files a page needs, from a build or from Vite's
 * server, and the files themselves.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import type { Context } from "./context.ts";

export const styles = "assets/styles.css";
export const client = "fresh/client.ts";
const reload = "fresh/reload.ts";
/** Where the build is written, and the path it is served under. */
export const buildFolder = "_fresh";

/** What a page loads, by the files of its islands: styles, modules, and the scripts that need them. */
export type Assets = (islands: readonly string[]) => Loaded;

interface Loaded {
  /** For the end of the head, and of the body: HTML. */
  head: string;
  tail: string;
  /** Addresses of the islands' modules. */
  modules: string[];
}

const script = (url: string) => `<script type="module" src="${url}"></script>`;
const stylesheet = (url: string) => `<link rel="stylesheet" href="${url}">`;

/** Nothing: pages without styles and without life. */
export const noAssets: Assets = (islands) => ({ head: "", tail: "", modules: [...islands] });

/** As Vite's server gives them, e.g. from `http://localhost:5173`. */
export function viteAssets(origin: string): Assets {
  const url = (source: string) => `${origin}/${source}`;
  return (islands) => ({
    head: stylesheet(url(styles)),
    tail: ["@vite/client", reload, ...islands.length > 0 ? [client] : []]
      .map((source) => script(url(source))).join(""),
    modules: islands.map(url),
  });
}

/** As they were built; undefined when they were not. */
export function builtAssets(root: string): Assets | undefined {
  const file = join(root, buildFolder, "manifest.json");
  if (!existsSync(file)) return undefined;
  const manifest: Record<string, { file: string; imports?: string[] }> = JSON.parse(
    readFileSync(file, "utf8"),
  );
  const url = (source: string) => `/${buildFolder}/${manifest[source]!.file}`;
  return (islands) => {
    const needed = new Set(islands.length > 0 ? [client, ...islands] : []);
    // A set may grow while it is walked.
    for (const source of needed) manifest[source]!.imports?.forEach((one) => needed.add(one));
    const preloads = [...needed].map((one) => `<link rel="modulepreload" href="${url(one)}">`);
    return {
      head: stylesheet(url(styles)) + preloads.join(""),
      tail: islands.length > 0 ? script(url(client)) : "",
      modules: islands.map(url),
    };
  };
}

/** The files of a folder and those below it, as paths that begin with the folder. */
export function filesIn(folder: string, pattern = /(?:)/): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** When the newest of these files was changed, epoch milliseconds. */
export function newestOf(files: readonly string[]): number {
  return files.reduce((time, file) => Math.max(time, statSync(file).mtimeMs), 0);
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

/** Serves `static/` at the root and the build; what was built never changes under its name. */
export function staticFiles<State>(root: string): (ctx: Context<State>) => Promise<Response> {
  return async (ctx) => {
    const type = types[extname(ctx.url.pathname)];
    if (!type || !["GET", "HEAD"].includes(ctx.req.method)) return ctx.next();
    const built = ctx.url.pathname.startsWith(`/${buildFolder}/`);
    // Absolute, so that no `..` leads out of the folder. Our files have no names that need escapes.
    const path = normalize(ctx.url.pathname.replaceAll(/%[\da-f]{2}/gi, ""));
    const file = join(root, built ? "" : "static", path);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return ctx.next();
    const body = ctx.req.method === "HEAD" ? null : new Uint8Array(await readFile(file));
    return new Response(body, {
      headers: {
        "content-type": type,
        "cache-control": built ? "public, max-age=31536000, immutable" : "public, max-age=3600",
      },
    });
  };
}

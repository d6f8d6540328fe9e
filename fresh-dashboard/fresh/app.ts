/**
 * The app: middlewares, then the route files of a folder. Finds the route, runs what is above it,
 * renders its page inside layouts and app, and shows errors.
 *
 * @module
 */
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { h, type VNode } from "preact";
import { type Assets, filesIn, noAssets } from "./assets.ts";
import { Context, HttpError, type Info, PageResponse, type RouteConfig } from "./context.ts";
import type { Handlers, Method, Middleware, Page, PageProps } from "./context.ts";
import { addIslands, renderDocument } from "./islands.ts";

type AnyPage<State> = Page<unknown, State>;

interface Module<State> {
  default?: AnyPage<State>;
  handler?: Handlers<unknown, State>;
  config?: RouteConfig;
}

interface Route<State> {
  pattern: URLPattern;
  /** Sorts static parts before parameters before rests. */
  order: string;
  folder: string;
  module: Module<State>;
}

export interface AppOptions {
  assets?: Assets;
  /** Told of what was not foreseen. */
  onError?(error: unknown, request: Request): void;
}

export class App<State> {
  readonly #options: AppOptions;
  readonly #middlewares: Middleware<State>[] = [];
  #routes: Route<State>[] = [];
  /** `_app`, `_layout`, `_middleware` and `_error` by path, e.g. `rules/_layout`. */
  #special = new Map<string, Module<State>>();

  constructor(options: AppOptions = {}) {
    this.#options = options;
  }

  /** Adds a middleware around everything, error pages included. */
  use(middleware: Middleware<State>): this {
    this.#middlewares.push(middleware);
    return this;
  }

  /**
   * Takes the files of `routes/` and `islands/` under a folder, in place of any it had.
   *
   * @param version of the routes: a module is loaded once for each
   */
  async fsRoutes(root: string, version = ""): Promise<this> {
    const folder = join(root, "routes");
    const routes: Route<State>[] = [];
    const special = new Map<string, Module<State>>();
    const load = (path: string, search = "") => import(pathToFileURL(path).href + search);
    await Promise.all([
      ...filesIn(join(root, "islands"), /\.tsx?$/).map(async (path) => {
        addIslands(relative(root, path), await load(path));
      }),
      ...filesIn(folder, /\.tsx?$/).map(async (path) => {
        const module: Module<State> = await load(path, version && `?${version}`);
        const name = relative(folder, path).replace(/\.tsx?$/, "");
        if (/(^|\/)_[^/]*$/.test(name)) special.set(name, module);
        else routes.push({ ...routeOf(name), module });
      }),
    ]);
    this.#routes = routes.sort((a, b) => a.order < b.order ? -1 : 1);
    this.#special = special;
    return this;
  }

  /** What answers requests. */
  handler(): (request: Request, info?: Info) => Promise<Response> {
    return async (request, info = {}) => {
      const ctx = new Context<State>(request, info, (ctx, vnode) => this.#render(ctx, vnode));
      return await run(ctx, this.#middlewares, () => this.#answer(ctx));
    };
  }

  async #answer(ctx: Context<State>): Promise<Response> {
    const { pathname } = ctx.url;
    let folder = "";
    try {
      let route: Route<State> | undefined;
      for (const one of this.#routes) {
        const match = one.pattern.exec({ pathname });
        if (!match) continue;
        route = one;
        folder = one.folder;
        ctx.params = parameters(match.pathname.groups);
        break;
      }
      const above = this.#above(folder, "_middleware")
        .flatMap(({ handler }) => handler as unknown as Middleware<State> | Middleware<State>[]);
      const response = await run(ctx, above, () => {
        if (!route) throw new HttpError(404);
        return this.#call(ctx, route);
      });
      return ctx.req.method === "HEAD" ? new Response(null, response) : response;
    } catch (error) {
      return await this.#showError(ctx, error, folder);
    }
  }

  async #call(ctx: Context<State>, { module, folder }: Route<State>): Promise<Response> {
    const method = (ctx.req.method === "HEAD" ? "GET" : ctx.req.method) as Method;
    const { handler } = module;
    const handle = typeof handler === "function" ? handler : handler?.[method];
    if (!handle && (method !== "GET" || !module.default)) {
      throw new HttpError(405, `There is no ${method} here`);
    }
    const answer = handle ? await handle(ctx) : new PageResponse(undefined);
    if (answer instanceof Response) return answer;
    if (!module.default) throw new Error(`Cannot render ${ctx.url.pathname} as it has no page`);
    return await this.#page(ctx, module.default, folder, answer, module.config);
  }

  async #page(
    ctx: Context<State>,
    page: AnyPage<State>,
    folder: string,
    { data, init }: PageResponse<unknown>,
    config: RouteConfig = {},
  ): Promise<Response> {
    const layouts = config.skipInheritedLayouts ? [] : this.#above(folder, "_layout");
    let content = await element(page, ctx, { data });
    for (const layout of layouts.reverse()) {
      content = await element(layout.default!, ctx, { content });
    }
    return await ctx.render(content, init);
  }

  async #render(ctx: Context<State>, content: VNode): Promise<string> {
    const app = this.#special.get("_app")?.default;
    const document = app ? await element(app, ctx, { content }) : content;
    return renderDocument(document, this.#options.assets ?? noAssets);
  }

  async #showError(ctx: Context<State>, error: unknown, folder: string): Promise<Response> {
    const status = error instanceof HttpError ? error.status : 500;
    if (!(error instanceof HttpError)) this.#options.onError?.(error, ctx.req);
    const page = this.#above(folder, "_error").at(-1)?.default;
    ctx.error = error;
    try {
      if (page) return await this.#page(ctx, page, folder, new PageResponse(null, { status }));
    } catch (second) {
      this.#options.onError?.(second, ctx.req);
    }
    return new Response(`${status}\n`, { status, headers: { "content-type": "text/plain" } });
  }

  /** The special files of a folder and those above it, outermost first. */
  #above(folder: string, name: string): Module<State>[] {
    const parts = folder.split("/").filter(Boolean);
    return ["", ...parts.map((_, i) => parts.slice(0, i + 1).join("/") + "/")]
      .flatMap((prefix) => this.#special.get(prefix + name) ?? []);
  }
}

/** `rules/[id]` → `/rules/:id`; `(group)` is a folder that no address shows. */
function routeOf(name: string): Omit<Route<never>, "module"> {
  const parts = name.split("/").filter((part) => !/^\(.*\)$/.test(part));
  if (parts.at(-1) === "index") parts.pop();
  const pathname = parts.map((part) =>
    part.replace(/^\[\.\.\.(\w+)\]$/, ":$1*").replace(/^\[(\w+)\]$/, ":$1")
  );
  return {
    pattern: new URLPattern({ pathname: `/${pathname.join("/")}` }),
    order: pathname.map((part) => part.endsWith("*") ? "~~" : part.startsWith(":") ? "~" : part)
      .join("/"),
    folder: name.split("/").slice(0, -1).join("/"),
  };
}

function parameters(groups: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(groups).map(([name, value]) => {
      try {
        return [name, decodeURIComponent(value ?? "")];
      } catch (cause) {
        throw new HttpError(400, "The address is not well-formed", { cause });
      }
    }),
  );
}

function run<State>(
  ctx: Context<State>,
  middlewares: readonly Middleware<State>[],
  last: () => Response | Promise<Response>,
): Promise<Response> {
  const step = async (i: number): Promise<Response> => {
    if (i === middlewares.length) return await last();
    ctx.next = () => step(i + 1);
    return await middlewares[i]!(ctx);
  };
  return step(0);
}

/**
 * A page with its data, or a layout or the app around its content. Components are rendered later,
 * with hooks; async ones cannot have any and are awaited here.
 */
async function element<State>(
  page: AnyPage<State>,
  { url, req, params, state, error }: Context<State>,
  { data, content = null }: { data?: unknown; content?: VNode | null },
): Promise<VNode> {
  const Component = () => content;
  const props: PageProps<unknown, State> = { url, req, params, state, error, data, Component };
  return page.constructor.name === "AsyncFunction"
    ? await page(props) as VNode
    // deno-lint-ignore no-explicit-any -- a page is a component here
    : h(page as any, props as any);
}

/**
 * What routes, middlewares and pages are written with: Fresh 2's names and meanings.
 *
 * @module
 */
import type { ComponentChildren, FunctionComponent, VNode } from "preact";

/** Where a request came from, and how it may become a WebSocket: what the server passes along. */
export interface Info {
  /** The caller's address, e.g. `127.0.0.1`. */
  remote?: string;
  upgrade?(request: Request): { socket: WebSocket; response: Response };
}

/** An answer with a status: thrown anywhere, shown by the nearest `_error`. */
export class HttpError extends Error {
  override name = "HttpError";
  constructor(readonly status: number, message = `HTTP ${status}`, options?: ErrorOptions) {
    super(message, options);
  }
}

/** What a handler returns to render its page with data. */
export class PageResponse<Data> {
  constructor(readonly data: Data, readonly init: ResponseInit = {}) {}
}

/** Renders the route's page with this data. */
export function page<Data>(data: Data, init?: ResponseInit): PageResponse<Data> {
  return new PageResponse(data, init);
}

/** One request on its way through middlewares, a handler and a page. */
export class Context<State> {
  readonly url: URL;
  /** What middlewares tell handlers and pages. */
  readonly state = {} as State;
  params: Record<string, string> = {};
  /** What the error page shows. */
  error: unknown;
  next: () => Promise<Response> = () => Promise.reject(new HttpError(404));

  constructor(
    readonly req: Request,
    readonly info: Info,
    private readonly renderer: (ctx: Context<State>, vnode: VNode) => Promise<string>,
  ) {
    this.url = new URL(req.url);
  }

  /** Answers with a page: the app around it, its islands brought to life. */
  async render(vnode: VNode, init: ResponseInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("content-type", "text/html; charset=utf-8");
    return new Response(await this.renderer(this, vnode), { ...init, headers });
  }

  /** Sends the browser elsewhere. A path stays on this site, however many slashes it begins with. */
  redirect(to: string, status = 302): Response {
    const location = to.startsWith("/") ? to.replace(/^[/\\]+/, "/") : to;
    return new Response(null, { status, headers: { location } });
  }

  /** Makes the request a WebSocket; return the response. */
  upgrade(): { socket: WebSocket; response: Response } {
    if (this.req.headers.get("upgrade")?.toLowerCase() !== "websocket" || !this.info.upgrade) {
      throw new HttpError(426, "This address speaks WebSocket");
    }
    return this.info.upgrade(this.req);
  }
}

/** What pages, layouts, the app and the error page are given. */
export interface PageProps<Data = unknown, State = unknown> {
  readonly url: URL;
  readonly req: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly state: State;
  readonly data: Data;
  readonly error: unknown;
  /** What a layout or the app is around. */
  readonly Component: FunctionComponent;
}

export type Page<Data, State> = (
  props: PageProps<Data, State>,
) => ComponentChildren | Promise<ComponentChildren>;
export type Middleware<State> = (ctx: Context<State>) => Response | Promise<Response>;
type Answer<Data> = Response | PageResponse<Data>;
type Handler<Data, State> = (ctx: Context<State>) => Answer<Data> | Promise<Answer<Data>>;
export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Handlers<Data, State> =
  | Handler<Data, State>
  | { readonly [M in Method]?: Handler<Data, State> };

/** What a route file may export as `config`. */
export interface RouteConfig {
  /** Leaves out the layouts of the folders above. */
  skipInheritedLayouts?: boolean;
}

/** The data that handlers give to their page. */
type DataOf<H> = H extends Handlers<infer Data, infer _> ? Data : H;

/** Binds the declarations of routes to this app's state. */
export function createDefine<State>(): {
  handlers<Data, H extends Handlers<Data, State> = Handlers<Data, State>>(
    handlers: H & Handlers<Data, State>,
  ): Handlers<Data, State>;
  page<H = undefined>(page: Page<DataOf<H>, State>): Page<DataOf<H>, State>;
  layout(page: Page<unknown, State>): Page<unknown, State>;
  middleware<M extends Middleware<State> | Middleware<State>[]>(middleware: M): M;
} {
  const same = <T>(declared: T) => declared;
  return { handlers: same, page: same, layout: same, middleware: same };
}

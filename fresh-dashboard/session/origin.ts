/**
 * Whether a request that changes something, or opens a WebSocket, was sent by our own pages. Cookies
 * are `SameSite=Lax`, which leaves other ports and subdomains of the same site; this refuses those.
 * Pure.
 *
 * @module
 */

/** Why a request is refused; undefined when it is not. */
export function refuseForeign(request: Request): string | undefined {
  const upgrade = request.headers.get("upgrade") !== null;
  if (["GET", "HEAD", "OPTIONS"].includes(request.method) && !upgrade) return undefined;
  // Written by the browser, unreachable for scripts (W3C Fetch Metadata).
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") return `sent from a page that is ${site}`;
  const origin = request.headers.get("origin");
  if (origin === null) return site === null ? "sent by no page of ours" : undefined;
  // By host: behind a proxy that ends TLS the schemes differ.
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const same = URL.canParse(origin) && new URL(origin).host === host;
  return same ? undefined : "sent from a page of another origin";
}

/**
 * Where to go after the login: a path of this site and nothing else.
 *
 * @example
 * ```ts
 * localPath("//evil.example") === "/"
 * ```
 */
export function localPath(given: string | null | undefined): string {
  // Browsers read `\` as `/` and drop tabs and newlines.
  // deno-lint-ignore no-control-regex
  if (!given || !/^\/(?![/\\])/.test(given) || /[\\\x00-\x1f]/.test(given)) return "/";
  const url = new URL(given, "http://here.invalid");
  if (url.host !== "here.invalid" || url.pathname.startsWith("//")) return "/";
  return ["/login", "/logout"].includes(url.pathname) ? "/" : url.pathname + url.search + url.hash;
}

/**
 * Sessions: the pair of tokens that `ui-backend` gave, kept in cookies that no script can read. An
 * access token that is about to end is replaced with the refresh token, once however many requests
 * come at a time.
 *
 * @module
 */
import type { Site } from "../define.ts";
import { ApiError, call, type Role } from "../lib/api.ts";
import { readCookie, writeCookie } from "./cookies.ts";

export interface User {
  readonly username: string;
  readonly role: Role;
}

/** What a login and a refresh answer. */
export interface Tokens {
  token: string;
  refresh_token?: string;
  expires_at: string;
  user: { id: string; username: string; role: Role };
}

/** A session as a request has it. */
export interface Session {
  readonly token: string;
  readonly user: User;
  /** `Set-Cookie` headers of a session that was refreshed. */
  readonly set: readonly string[];
}

/** Replaced this long before its end: longer than a page takes, shorter than any token. */
const early_ms = 30_000;
/**
 * How long the answer to a refresh token is kept for requests that were sent with it before its
 * successor arrived: the backend ends a session whose refresh token comes twice.
 */
const keep_ms = 60_000;
/** Most refreshes kept in mind. */
const maxKept = 10_000;

/** The cookies of a new session. */
export function sessionCookies({ token, refresh_token }: Tokens, site: Site): string[] {
  return [
    writeCookie("access", token, site.production),
    ...(refresh_token ? [writeCookie("refresh", refresh_token, site.production)] : []),
  ];
}

/** Removes them. */
export function noCookies(site: Site): string[] {
  return [
    writeCookie("access", undefined, site.production),
    writeCookie("refresh", undefined, site.production),
  ];
}

/** The sessions that pass through one dashboard. */
export class Sessions {
  readonly #refreshes = new Map<string, { at: number; tokens: Promise<Tokens> }>();

  constructor(readonly site: Site) {}

  /**
   * The session of a request, refreshed where it has to be; undefined when there is none (any more).
   *
   * @throws {ApiError} when it has to be refreshed and the backend cannot
   */
  async of(request: Request): Promise<Session | undefined> {
    const { site } = this;
    const token = readCookie(request, "access", site.production);
    const claims = token && readClaims(token);
    if (claims && claims.expires_at - early_ms > site.now()) {
      return { token, user: claims.user, set: [] };
    }
    const refresh = readCookie(request, "refresh", site.production);
    if (!refresh) return undefined;
    try {
      const tokens = await this.#refresh(refresh);
      const { username, role } = tokens.user;
      return { token: tokens.token, user: { username, role }, set: sessionCookies(tokens, site) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if ([400, 401, 403, 422].includes(error.status)) return undefined;
      // Good for a moment yet: the backend may be back by then.
      if (claims && claims.expires_at > site.now()) return { token, user: claims.user, set: [] };
      throw error;
    }
  }

  #refresh(refresh_token: string): Promise<Tokens> {
    const now = this.site.now();
    for (const [key, { at }] of this.#refreshes) {
      if (at > now - keep_ms && this.#refreshes.size < maxKept) break;
      this.#refreshes.delete(key);
    }
    const known = this.#refreshes.get(refresh_token);
    if (known) return known.tokens;
    const tokens = call<Tokens>(this.site, "POST", "/api/auth/refresh", { body: { refresh_token } })
      .then(({ data }) => data);
    this.#refreshes.set(refresh_token, { at: now, tokens });
    // A failure is not kept: the next request tries again.
    tokens.catch(() => this.#refreshes.delete(refresh_token));
    return tokens;
  }
}

/**
 * What an access token says. Not verified, as this only decides what is offered and when to refresh;
 * the backend verifies it with every call.
 */
function readClaims(token: string): { user: User; expires_at: number } | undefined {
  try {
    const part = token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (char) => char.charCodeAt(0));
    const { username, role, exp } = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof username !== "string" || typeof exp !== "number") return undefined;
    return { user: { username, role }, expires_at: exp * 1000 };
  } catch (error) {
    // Anything may stand in a cookie.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

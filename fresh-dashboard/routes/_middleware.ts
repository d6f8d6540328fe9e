/**
 * Who is asking: reads and refreshes the session, sends those without one to the login page, and
 * refuses what other sites sent.
 */
import { HttpError } from "fresh";
import { define, type Theme } from "../define.ts";
import { Api, ApiError } from "../lib/api.ts";
import { readCookie } from "../session/cookies.ts";
import { refuseForeign } from "../session/origin.ts";
import { refusal } from "../session/proxy.ts";
import { noCookies, Sessions } from "../session/session.ts";
import * as text from "../text.ts";

const themes: readonly string[] = ["light", "dark"];
/** What needs no session. */
const open = ["/login", "/theme"];
/** What answers programs, not people. */
const machine = /^\/(api\/|ws$|session$)/;

/** Of each dashboard of this process. */
const sessions = new WeakMap<object, Sessions>();

export const handler = define.middleware(async (ctx) => {
  const { req, url, state } = ctx;
  const { site } = state;
  const theme = readCookie(req, "theme", site.production);
  state.theme = themes.includes(theme ?? "") ? theme as Theme : "system";
  const program = machine.test(url.pathname);
  const why = refuseForeign(req);
  if (why) {
    if (program) return refusal(403, "foreign", `Refused, as it was ${why}`);
    throw new HttpError(403, text.errors.foreign);
  }
  if (open.includes(url.pathname)) return await ctx.next();

  const over = () => {
    state.cookies.push(...noCookies(site));
    return program
      ? refusal(401, "unauthenticated", "The session is over")
      : ctx.redirect(loginFor(req, url), 303);
  };
  let here = sessions.get(site);
  if (!here) sessions.set(site, here = new Sessions(site));
  try {
    const session = await here.of(req);
    if (!session) return over();
    state.user = session.user;
    state.token = session.token;
    state.api = new Api(site, session.token);
    state.cookies.push(...session.set);
    return await ctx.next();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return over();
    if (program && error instanceof ApiError) {
      return refusal(error.status, error.code, error.message);
    }
    throw error;
  }
});

/** A page is come back to; a form that was sent is not. */
function loginFor(req: Request, url: URL): string {
  const back = url.pathname + url.search;
  if (req.method !== "GET" || back === "/") return "/login";
  return `/login?next=${encodeURIComponent(back)}`;
}

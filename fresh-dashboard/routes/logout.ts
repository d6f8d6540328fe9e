/** Ends the session here and at the backend. */
import { define } from "../define.ts";
import { ApiError } from "../lib/api.ts";
import { readCookie } from "../session/cookies.ts";
import { noCookies } from "../session/session.ts";

export const handler = define.handlers({
  async POST(ctx) {
    const { req, state } = ctx;
    state.cookies.push(...noCookies(state.site));
    try {
      await state.api.logout(readCookie(req, "refresh", state.site.production));
    } catch (error) {
      // Here it is over all the same, and there it ends by itself.
      if (!(error instanceof ApiError)) throw error;
    }
    return ctx.redirect("/login", 303);
  },
});

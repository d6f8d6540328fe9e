import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import { remove } from "shared/store/port.ts";
import { refreshFamilyKind } from "../records.ts";
import { readRefreshToken } from "./sessions.ts";

/**
 * Ends the session: nothing can be refreshed any more. The access token itself stays good until it
 * expires, since looking up each token of each request would cost more than it is worth.
 */
export default defineFunction({
  name: "ui-backend.logout",
  on: http("POST /api/auth/logout", {
    access: "viewer",
    body: z.object({ refresh_token: z.string().max(1_024).optional() }).nullish(),
    reply: z.object({ logged_out: z.literal(true) }),
    limit: 16_384,
    summary: "End the session; access tokens stay good until they expire",
  }),
  async handler({ body, user }, { store, save }) {
    const given = readRefreshToken(body?.refresh_token ?? "")?.session;
    const sessions = [...new Set([user.session, given])].filter((id) => id !== undefined);
    for (const family of await store.getMany(refreshFamilyKind, sessions)) {
      if (family?.value.username === user.username) save(remove(refreshFamilyKind, family.key));
    }
    return { logged_out: true };
  },
});

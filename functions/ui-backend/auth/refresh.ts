import { z } from "zod";
import { defineFunction, type Env, http } from "functions/define.ts";
import { remove, type Stored } from "shared/store/port.ts";
import { type Account, findAccount } from "./accounts.ts";
import { type RefreshFamily, refreshFamilyKind } from "../records.ts";
import { grant, isCurrent, readRefreshToken, Session } from "./sessions.ts";
import { authenticate, bearerOf, unauthorized } from "./tokens.ts";

const over = () =>
  unauthorized("refresh_invalid", "The session has ended or was never there: log in again");

/** Goes on with a session: by its refresh token, which is replaced, or by a good access token. */
export default defineFunction({
  name: "ui-backend.refresh",
  on: http("POST /api/auth/refresh", {
    // The body may be what authenticates.
    access: "public",
    body: z.object({ refresh_token: z.string().max(1_024).optional() }).nullish(),
    reply: Session,
    limit: 16_384,
    summary: "New tokens for a refresh token (good once) or a bearer token",
  }),
  async handler({ body, request }, ctx) {
    const { store, config, now, save } = ctx;
    if (body?.refresh_token !== undefined) {
      const given = readRefreshToken(body.refresh_token);
      const family = given && await store.get(refreshFamilyKind, given.session);
      if (!family) throw over();
      const account = await accountOf(family, ctx);
      if (!account || !isCurrent(given.secret, family.value.token_hash)) {
        save(remove(refreshFamilyKind, family.key, family.version));
        return over();
      }
      const session = { id: family.key, version: family.version };
      const { answer, change } = await grant(account, session, config, now);
      save(change);
      return answer;
    }
    const token = bearerOf(request);
    if (!token) throw unauthorized("token_missing", "A bearer token or a refresh token is needed");
    const caller = await authenticate(token, config, now);
    const family = await store.get(refreshFamilyKind, caller.session ?? "");
    const account = family && await accountOf(family, ctx);
    if (!account) throw over();
    const session = {
      id: family.key,
      version: family.version,
      token_hash: family.value.token_hash,
    };
    const { answer, change } = await grant(account, session, config, now);
    save(change);
    return answer;
  },
});

/** The account as it is now: of the same kind as at the login, with today's role. */
async function accountOf(family: Stored<RefreshFamily>, env: Env): Promise<Account | undefined> {
  const account = await findAccount(family.value.username, env);
  return account?.kind === family.value.account ? account : undefined;
}

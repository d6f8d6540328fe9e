import { z } from "zod";
import { defineFunction, http, HttpProblem } from "functions/define.ts";
import { checkPassword } from "./accounts.ts";
import { loginGuard } from "./attempts.ts";
import { grant, Session } from "./sessions.ts";

const Credentials = z.object({
  username: z.string().trim().min(1).max(64).regex(/^[^\p{C}]+$/u, "must be printable"),
  password: z.string().min(1).max(1_024),
});

/** Opens a session for a user name and its password. */
export default defineFunction({
  name: "ui-backend.login",
  on: http("POST /api/auth/login", {
    access: "public",
    body: Credentials,
    reply: Session,
    limit: 16_384,
    summary: "Log in; after too many failures 429 with Retry-After",
  }),
  async handler({ body: { username, password }, remote }, ctx) {
    const { config, now, save, metrics } = ctx;
    const attempt = loginGuard(ctx).attempt(
      remote,
      username,
      now,
      () => checkPassword(username, password, ctx, now),
    );
    const found = await attempt.catch((error) => {
      if (error instanceof HttpProblem) metrics.add("login_attempts_total", { outcome: "limited" });
      throw error;
    });
    metrics.add("login_attempts_total", { outcome: found ? "success" : "failure" });
    if (!found) {
      throw new HttpProblem(401, "bad_credentials", "The user name or the password is wrong");
    }
    const session = { id: crypto.randomUUID(), version: 0 };
    const { answer, change } = await grant(found.account, session, config, now);
    save(...found.changes, change);
    return answer;
  },
});

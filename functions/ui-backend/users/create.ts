import { z } from "zod";
import { defineFunction, http, HttpProblem, reply } from "functions/define.ts";
import { roles } from "shared/define/mod.ts";
import { derivedId } from "shared/model/ids.ts";
import { formatTime } from "shared/model/wire.ts";
import { put } from "shared/store/port.ts";
import { isAdminName } from "../auth/accounts.ts";
import { hashPassword } from "../auth/passwords.ts";
import { userKind } from "../records.ts";
import { showUser, UserView } from "./user_view.ts";

const NewUser = z.object({
  username: z.string().trim().min(1).max(64).regex(/^[^\p{C}]+$/u, "must be printable"),
  password: z.string().min(8).max(1_024),
  role: z.enum(roles),
});

/** Adds a user with a password and a role. */
export default defineFunction({
  name: "ui-backend.create_user",
  on: http("POST /api/users", {
    access: "admin",
    body: NewUser,
    reply: UserView,
    limit: 16_384,
    summary: "Add a user",
  }),
  async handler({ body: { username, password, role }, user: caller }, { store, now, save }) {
    if (isAdminName(username) || await store.get(userKind, username)) {
      throw new HttpProblem(409, "user_exists", `There is a user "${username}" already`);
    }
    const user = {
      id: derivedId("user", username),
      username,
      role,
      password_hash: await hashPassword(password),
      created_at: formatTime(now),
      created_by: caller.username,
    };
    save(put(userKind, username, user, { version: 0, rank: now }));
    return reply(showUser(user), { status: 201 });
  },
});

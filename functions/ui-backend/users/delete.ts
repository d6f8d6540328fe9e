import { z } from "zod";
import { defineFunction, http, HttpProblem } from "functions/define.ts";
import { remove } from "shared/store/port.ts";
import { isAdminName } from "../auth/accounts.ts";
import { userKind } from "../records.ts";

/** Removes a user: its sessions cannot be refreshed, its access tokens end when they expire. */
export default defineFunction({
  name: "ui-backend.delete_user",
  on: http("DELETE /api/users/:username", {
    access: "admin",
    reply: z.object({ id: z.string(), username: z.string() }),
    summary: "Remove a user",
  }),
  async handler({ params: { username } }, { store, save }) {
    if (isAdminName(username)) {
      throw new HttpProblem(409, "user_builtin", "The built-in administrator cannot be removed");
    }
    const stored = await store.get(userKind, username);
    if (!stored) throw new HttpProblem(404, "not_found", `There is no user "${username}"`);
    save(remove(userKind, username, stored.version));
    return { id: stored.value.id, username };
  },
});

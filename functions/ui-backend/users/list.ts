import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import { roles } from "shared/define/mod.ts";
import { byNumber, byText, type Orders, paged, Paging, sortBy, sorted } from "../paging.ts";
import { everything, type User, userKind } from "../records.ts";
import { showUser, UserView } from "./user_view.ts";

const orders: Orders<User> = {
  username: byText((user) => user.username),
  role: byNumber((user) => roles.indexOf(user.role)),
  created_at: byText((user) => user.created_at),
};

/** The stored users, without their passwords. */
export default defineFunction({
  name: "ui-backend.list_users",
  on: http("GET /api/users", {
    access: "admin",
    query: z.object({ ...Paging, sort: sortBy(orders, "username") }),
    reply: z.array(UserView),
    summary: "Users with a password of their own",
  }),
  async handler({ query }, { store }) {
    const users = (await everything(store, userKind)).map(({ value }) => value);
    return paged(sorted(users, orders, query.sort), query, showUser);
  },
});

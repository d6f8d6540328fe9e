/** A user as the API shows it. @module */
import { z } from "zod";
import { roles } from "shared/define/mod.ts";
import { Timestamp } from "shared/model/wire.ts";
import type { User } from "../records.ts";

export const UserView = z.object({
  id: z.string(),
  username: z.string(),
  role: z.enum(roles),
  created_at: Timestamp,
  created_by: z.string(),
});

/** Leaves the password's hash out. */
export function showUser({ id, username, role, created_at, created_by }: User) {
  return { id, username, role, created_at, created_by };
}

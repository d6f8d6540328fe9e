/**
 * Who there is: the administrator of the configuration, users of the store, and in development
 * anybody as a demo operator.
 *
 * @module
 */
import { timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { type Env, perProcess } from "functions/define.ts";
import type { Role } from "shared/define/mod.ts";
import { derivedId } from "shared/model/ids.ts";
import { formatTime } from "shared/model/wire.ts";
import { type Change, put } from "shared/store/port.ts";
import { hashPassword, verifyPassword } from "./passwords.ts";
import { type RefreshFamily, userKind } from "../records.ts";

/** The built-in administrator, whose password is `ADMIN_PASSWORD`. */
const adminName = "admin";
/** The password of every demo user, where `DEMO_LOGIN` allows them. */
const demoPassword = "demo";

export interface Account {
  id: string;
  username: string;
  role: Role;
  kind: RefreshFamily["account"];
  password_hash?: string;
}

/** Whether a name is the administrator's, or would be taken for it. */
export function isAdminName(username: string): boolean {
  return username.toLowerCase() === adminName;
}

/** The account of a name; a stored user comes before a demo user. */
export async function findAccount(
  username: string,
  { store, config }: Pick<Env, "store" | "config">,
): Promise<Account | undefined> {
  const id = derivedId("user", username);
  if (username === adminName) return { id, username, role: "admin", kind: "admin" };
  const stored = await store.get(userKind, username);
  if (stored) {
    const { role, password_hash } = stored.value;
    return { id, username, role, kind: "stored", password_hash };
  }
  if (config.DEMO_LOGIN && !isAdminName(username)) {
    return { id, username, role: "operator", kind: "demo" };
  }
  return undefined;
}

/**
 * The account when the password is right, with what is to be saved; else undefined. It takes the
 * same time whether there is such an account or not.
 */
export async function checkPassword(
  username: string,
  password: string,
  env: Env,
  now: number,
): Promise<{ account: Account; changes: Change[] } | undefined> {
  const account = await findAccount(username, env);
  if (account?.kind === "admin") {
    const { hash, changes } = await adminHash(env, now);
    return await verifyPassword(password, hash) ? { account, changes } : undefined;
  }
  const right = await verifyPassword(password, account?.password_hash);
  if (account?.kind === "demo" ? sameText(password, demoPassword) : right) {
    return { account: account!, changes: [] };
  }
  return undefined;
}

const known = perProcess(() => ({ hash: "" }));

/** The hash of `ADMIN_PASSWORD`: the stored one while it fits, so that a changed one takes effect. */
async function adminHash(env: Env, now: number): Promise<{ hash: string; changes: Change[] }> {
  const password = env.config.ADMIN_PASSWORD.reveal();
  const memo = known(env);
  const stored = await env.store.get(userKind, adminName);
  const hash = stored?.value.password_hash;
  if (hash && (hash === memo.hash || await verifyPassword(password, hash))) {
    memo.hash = hash;
    return { hash, changes: [] };
  }
  const fresh = await hashPassword(password);
  return {
    hash: fresh,
    changes: [
      put(userKind, adminName, {
        id: derivedId("user", adminName),
        username: adminName,
        role: "admin",
        password_hash: fresh,
        created_at: stored?.value.created_at ?? formatTime(now),
        created_by: "configuration",
      }, { version: stored?.version ?? 0, rank: stored?.rank ?? now }),
    ],
  };
}

function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

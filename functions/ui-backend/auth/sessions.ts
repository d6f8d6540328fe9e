/**
 * Logins that go on: a short-lived access token, and a refresh token that is good once. A refresh
 * token that comes a second time was stolen from somebody, so its whole family ends (RFC 9700,
 * section 4.14.2).
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { z } from "zod";
import type { Config } from "functions/config.ts";
import { roles } from "shared/define/mod.ts";
import { formatTime, Timestamp } from "shared/model/wire.ts";
import { type Change, put } from "shared/store/port.ts";
import type { Account } from "./accounts.ts";
import { refreshFamilyKind } from "../records.ts";
import { issueToken } from "./tokens.ts";

/** A family that nobody refreshed for this long is gone. */
const family_ms = 7 * 24 * 3_600_000;

/** What a login and a refresh answer. */
export const Session = z.object({
  token: z.string().describe("The access token"),
  refresh_token: z.string().optional().describe("Good for one refresh"),
  expires_at: Timestamp.describe("When the access token ends"),
  user: z.object({ id: z.string(), username: z.string(), role: z.enum(roles) }),
});
export type Session = z.infer<typeof Session>;

/** A session whose record is stored under its id. */
export interface OpenSession {
  id: string;
  /** The version that its record has; 0 for a new one. */
  version: number;
  /** The hash of the refresh token that stays good; when absent a new one is made. */
  token_hash?: string;
}

/** New tokens for a session, and the change that makes them the good ones. */
export async function grant(
  account: Account,
  session: OpenSession,
  config: Config,
  now: number,
): Promise<{ answer: Session; change: Change }> {
  const { id, username, role } = account;
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
  const holder = { id, username, role, session: session.id };
  const { token, expires_at } = await issueToken(holder, config, now);
  const family = {
    username,
    account: account.kind,
    token_hash: session.token_hash ?? hashOf(secret),
  };
  return {
    answer: {
      token,
      ...(session.token_hash ? {} : { refresh_token: `${session.id}.${secret}` }),
      expires_at: formatTime(expires_at),
      user: { id, username, role },
    },
    change: put(refreshFamilyKind, session.id, family, {
      version: session.version,
      // A session outlives the access tokens that belong to it.
      ttl_ms: Math.max(family_ms, config.JWT_EXPIRATION * 3_600_000),
    }),
  };
}

/** The session and the secret of a refresh token; undefined when it is not one. */
export function readRefreshToken(token: string): { session: string; secret: string } | undefined {
  const match = /^([0-9a-f-]{36})\.([\w-]{43})$/.exec(token);
  return match ? { session: match[1]!, secret: match[2]! } : undefined;
}

/** Whether a secret is the one that was stored, in constant time. */
export function isCurrent(secret: string, tokenHash: string): boolean {
  const [a, b] = [Buffer.from(hashOf(secret)), Buffer.from(tokenHash)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The secret has 256 random bits, so that a plain hash cannot be guessed back. */
function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}

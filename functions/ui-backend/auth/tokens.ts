/**
 * Access tokens: JSON Web Tokens (RFC 7519), HS256 and nothing else. The only door to jose.
 *
 * @module
 */
import { errors, jwtVerify, SignJWT } from "jose";
import type { Config } from "functions/config.ts";
import { HttpProblem } from "functions/define.ts";
import { type Caller, type Role, roles } from "shared/define/mod.ts";

const issuer = "eventflow";

/** What a token says of its holder. */
export interface Holder {
  id: string;
  username: string;
  role: Role;
  /** The login it descends from. */
  session: string;
}

/** A signed token and when it ends, epoch milliseconds. */
export interface Issued {
  token: string;
  expires_at: number;
}

/** Signs an access token that is good for `JWT_EXPIRATION` hours. */
export async function issueToken(holder: Holder, config: Config, now: number): Promise<Issued> {
  const issued_s = Math.floor(now / 1000);
  const expires_s = issued_s + Math.max(1, Math.floor(config.JWT_EXPIRATION * 3_600));
  const token = await new SignJWT({
    username: holder.username,
    role: holder.role,
    sid: holder.session,
  })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuer(issuer)
    .setSubject(holder.id)
    .setIssuedAt(issued_s)
    .setExpirationTime(expires_s)
    .setJti(crypto.randomUUID())
    .sign(keyOf(config));
  return { token, expires_at: expires_s * 1000 };
}

/**
 * The holder of a token. Whoever knows the secret may sign one, with `sub`, `role` and `exp`.
 *
 * @param now epoch milliseconds; the machine's clock when absent
 * @throws {HttpProblem} 401 `token_expired` or `token_invalid`
 */
export async function authenticate(token: string, config: Config, now?: number): Promise<Caller> {
  let claims;
  try {
    ({ payload: claims } = await jwtVerify(token, keyOf(config), {
      algorithms: ["HS256"],
      requiredClaims: ["sub", "exp"],
      ...(now === undefined ? {} : { currentDate: new Date(now) }),
    }));
  } catch (cause) {
    if (cause instanceof errors.JWTExpired) {
      throw unauthorized("token_expired", "The token has expired: log in again", cause);
    }
    throw unauthorized("token_invalid", "The token is not one of ours", cause);
  }
  const { iss = issuer, sub, username = sub, role, sid = "", exp } = claims;
  if (
    iss !== issuer || typeof sub !== "string" || typeof username !== "string" ||
    typeof sid !== "string" || typeof exp !== "number" || !isRole(role)
  ) {
    throw unauthorized("token_invalid", "The token is not one of ours");
  }
  return { id: sub, username, role, session: sid, expires_at: exp * 1000 };
}

/** The 401 that asks for a (better) token (RFC 6750, section 3). */
export function unauthorized(code: string, message: string, cause?: unknown): HttpProblem {
  return new HttpProblem(401, code, message, {
    cause,
    headers: { "www-authenticate": `Bearer realm="${issuer}"` },
  });
}

/** The bearer token of a request's header. */
export function bearerOf(request: Request): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
}

function isRole(value: unknown): value is Role {
  return (roles as readonly unknown[]).includes(value);
}

function keyOf(config: Config): Uint8Array {
  if (!config.JWT_SECRET) throw new Error("Cannot sign tokens as JWT_SECRET is unset");
  return new TextEncoder().encode(config.JWT_SECRET.reveal());
}

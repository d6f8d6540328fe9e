/**
 * Passwords at rest: scrypt (RFC 7914), through node:crypto, off the event loop.
 *
 * @module
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";

/** 32 MiB (128 N r bytes) and about 0.13 s a hash; each hash carries its own, so this may grow. */
const cost = { N: 2 ** 15, r: 8, p: 1 };
const hashLength = 32;

/** Hashes a password: `scrypt$N$r$p$salt$hash`, salt and hash in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt, cost);
  return format(salt, hash);
}

/**
 * Whether a password is the one that was hashed, in constant time. Without a hash (there is no such
 * account) it takes the same time to say no.
 */
export async function verifyPassword(password: string, stored?: string): Promise<boolean> {
  const [, N, r, p, salt, hash] = (stored ?? nobodysHash).split("$");
  const expected = Buffer.from(hash ?? "", "base64url");
  const actual = await derive(password, Buffer.from(salt ?? "", "base64url"), {
    N: Number(N),
    r: Number(r),
    p: Number(p),
  });
  return stored !== undefined && expected.length === actual.length &&
    timingSafeEqual(expected, actual);
}

const nobodysHash = format(Buffer.alloc(16), Buffer.alloc(hashLength));

function format(salt: Uint8Array, hash: Uint8Array): string {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  return ["scrypt", cost.N, cost.r, cost.p, text(salt), text(hash)].join("$");
}

function derive(password: string, salt: Uint8Array, { N, r, p }: typeof cost): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    // The same text typed on two systems may be composed differently (RFC 8265 uses NFC).
    scrypt(
      password.normalize("NFC"),
      salt,
      hashLength,
      { N, r, p, maxmem: 256 * N * r },
      (error, key) => error ? reject(error) : resolve(key),
    )
  );
}

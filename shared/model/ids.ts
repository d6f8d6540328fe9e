/** Ids that are derived, not drawn: the same thing gets the same id in every replay. @module */
import { createHash } from "node:crypto";

/**
 * A UUID (version 8, RFC 9562: free-form) from the SHA-256 of the parts.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(derivedId("alert", "a"), derivedId("alert", "a"));
 * assert.notEqual(derivedId("alert", "a"), derivedId("alert", "b"));
 * ```
 */
export function derivedId(...parts: string[]): string {
  const hex = createHash("sha256").update(parts.join("\u0000")).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${
    hex.slice(20, 32)
  }`;
}

/** 32-bit FNV-1a of a string's UTF-16 code units (offset basis and prime of the FNV reference). */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/**
 * 52 bits of a text: two 32-bit FNV-1a hashes (with the second prime of MurmurHash2) side by side.
 * Tells the samples of one series and one millisecond apart, of which there are a handful; stores
 * hold it, so it never changes.
 */
export function hash52(text: string): number {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    a = Math.imul(a ^ c, 0x01000193);
    b = Math.imul(b ^ c, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return (a >>> 0) * 2 ** 20 + (b >>> 12);
}

/**
 * A seeded random source, uniform in [0, 1): mulberry32 (Tommy Ettinger, public domain), whose
 * 2^32 period is plenty for simulation and jitter.
 */
export function seededRandom(seed: string): () => number {
  let state = hash32(seed);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

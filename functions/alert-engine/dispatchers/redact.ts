/** Takes secrets out of texts that others wrote: errors of libraries, answers of servers. @module */
import { Buffer } from "node:buffer";
import { Secret } from "functions/config.ts";

/**
 * The texts that must never be printed of a value: each `Secret` anywhere in it, and of a secret URL
 * also the parts that carry one.
 */
export function secretsOf(value: unknown): string[] {
  if (value instanceof Secret) return partsOf(value.reveal());
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(secretsOf);
}

/** Shorter parts of a URL, such as `/`, would mask half of every sentence. */
const shortestPart = 4;

/** A part of a URL without its escapes; as it stands when they are none, as in `50%off`. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function partsOf(secret: string): string[] {
  if (!URL.canParse(secret)) return [secret];
  const url = new URL(secret);
  const { username, password, pathname, search, searchParams } = url;
  const bare = new URL(url);
  bare.username = bare.password = "";
  const userinfo = `${decoded(username)}:${decoded(password)}`;
  const written = [...pathname.split("/"), pathname, pathname + search, search, username, password];
  const parts = [
    ...written,
    ...written.map(decoded),
    ...searchParams.values(),
    userinfo,
    Buffer.from(userinfo).toString("base64"),
  ].filter((part) => part.length >= shortestPart);
  return [secret, url.href, bare.href, ...parts];
}

/** The text with every secret as `•••`. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text;
  // Longest first: a part must not break up the whole that holds it.
  for (const secret of [...new Set(secrets)].sort((a, b) => b.length - a.length)) {
    if (secret !== "") clean = clean.replaceAll(secret, "•••");
  }
  return clean;
}

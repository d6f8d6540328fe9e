/** What dispatchers that speak HTTP share: their settings, and one POST. @module */
import { Buffer } from "node:buffer";
import { z } from "zod";
import { Secret } from "functions/config.ts";
import { outcomeOfStatus, retryAfter_ms } from "shared/alerting/backoff.ts";
import { type Attempt, DeliveryFailed, type Means } from "./dispatcher.ts";
import { decoded, redact, secretsOf } from "./redact.ts";

/** A text that is never printed. */
export const SecretText = z.string().min(1).transform((text) => new Secret(text));

/** A URL that is never printed, since it often is all that a caller must know. */
export const SecretUrl = z.string().refine(
  (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
  "must be a URL that starts with http:// or https://",
).transform((text) => new Secret(text));

/** Alertmanager's `http_config`, as far as it says who calls. */
export const HttpConfig = z.strictObject({
  basic_auth: z.strictObject({ username: z.string(), password: SecretText }).optional(),
  authorization: z.strictObject({
    type: z.string().default("Bearer"),
    credentials: SecretText,
  }).optional(),
  bearer_token: SecretText.optional(),
  /** Redirects are never followed, whatever this says. */
  follow_redirects: z.boolean().optional(),
  enable_http2: z.boolean().optional(),
});
export type HttpConfig = z.infer<typeof HttpConfig>;

/** Most of an answer that is repeated in an error, characters. */
const longestAnswer = 200;

/**
 * Posts JSON. Redirects are not followed; 2xx alone is success.
 *
 * @throws {DeliveryFailed}
 */
export async function post(
  destination: Secret,
  { body, headers, http_config, attempt, fetch }: {
    body: string;
    headers: Record<string, string>;
    http_config?: HttpConfig;
    attempt: Attempt;
    fetch: Means["fetch"];
  },
): Promise<void> {
  const url = new URL(destination.reveal());
  const secrets = secretsOf([destination, http_config]);
  const authorization = authorizationOf(url, http_config);
  if (authorization) secrets.push(authorization.split(" ").at(-1)!);
  // A request's URL may not hold them; they travel in the header.
  url.username = url.password = "";
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      redirect: "manual",
      signal: attempt.signal,
      body,
      headers: {
        "content-type": "application/json",
        "user-agent": "eventflow",
        traceparent: attempt.traceparent,
        ...(authorization ? { authorization } : {}),
        ...headers,
      },
    });
  } catch (error) {
    throw unreachable(url, error, attempt.signal, secrets);
  }
  const outcome = outcomeOfStatus(response.status);
  if (outcome.kind === "delivered") return await response.body?.cancel();
  // Cut only then: half a secret is not recognised.
  const answer = redact(await beginning(response), secrets).slice(0, longestAnswer).trim();
  throw new DeliveryFailed(
    outcome.kind,
    outcome.reason,
    `Cannot deliver to ${url.origin} as it answered ${response.status}${answer && `: ${answer}`}`,
    { after_ms: retryAfter_ms(response.headers.get("retry-after"), attempt.now) },
  );
}

/**
 * Resolves when something answers at the URL, whatever it says.
 *
 * @throws {DeliveryFailed}
 */
export async function reach(
  destination: Secret,
  { signal, fetch }: { signal: AbortSignal; fetch: Means["fetch"] },
): Promise<void> {
  const url = new URL(destination.reveal());
  const secrets = secretsOf(destination);
  url.username = url.password = "";
  try {
    const response = await fetch(url, { method: "HEAD", redirect: "manual", signal });
    await response.body?.cancel();
  } catch (error) {
    throw unreachable(url, error, signal, secrets);
  }
}

function authorizationOf(url: URL, http_config: HttpConfig | undefined): string | undefined {
  const { basic_auth, authorization, bearer_token } = http_config ?? {};
  if (bearer_token) return `Bearer ${bearer_token.reveal()}`;
  if (authorization) return `${authorization.type} ${authorization.credentials.reveal()}`;
  if (basic_auth) return basic(basic_auth.username, basic_auth.password.reveal());
  if (url.username === "") return undefined;
  return basic(decoded(url.username), decoded(url.password));
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** The error of a request that got no answer; the original names the URL, so it is not its cause. */
function unreachable(
  url: URL,
  error: unknown,
  signal: AbortSignal,
  secrets: string[],
): DeliveryFailed {
  if (signal.aborted) {
    return new DeliveryFailed("retry", "timeout", `Cannot deliver to ${url.origin} in time`);
  }
  const text = error instanceof Error ? error.message : String(error);
  const why = redact(text.replaceAll(/\(?https?:\/\/[^\s()]*\)?/g, url.origin), secrets);
  return new DeliveryFailed("retry", "network", `Cannot deliver to ${url.origin}: ${why}`);
}

/** The first piece of an answer; the rest, which may be without end, is left. */
async function beginning(response: Response): Promise<string> {
  if (!response.body) return "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    const { value = "" } = await reader.read();
    return value;
  } catch {
    // The status says what is to be done; its explanation may be missing.
    return "";
  } finally {
    await reader.cancel().catch(() => {});
  }
}

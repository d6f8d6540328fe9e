/**
 * The configuration: the only reader of the environment. One frozen object, checked as a whole; all
 * errors are reported together, with the variable, the rule and the value (secrets masked).
 *
 * @module
 */
import { z } from "zod";
import { levels } from "shared/telemetry/log.ts";

/** A value that is never printed: its text and JSON forms are `•••`. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The value itself, for the one place that sends it. */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return "•••";
  }
  toJSON(): string {
    return "•••";
  }
  [Symbol.for("Deno.customInspect")](): string {
    return "•••";
  }
}

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);
const list = z.string().transform((text) => text.split(",").map((s) => s.trim()).filter(Boolean));
const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const secret = (rule = z.string().min(1)) => rule.transform((text) => new Secret(text));
/** As browsers send it: without a path, so that a slash at the end does not keep everybody out. */
const origin = z.string()
  .refine(
    (text) => URL.canParse(text) && new URL(text).origin !== "null",
    "must be origins such as https://dashboard.example",
  )
  .transform((text) => new URL(text).origin);
const url = (...schemes: string[]) =>
  z.string().refine(
    (text) => URL.canParse(text) && schemes.includes(new URL(text).protocol),
    `must be a URL that starts with ${schemes.map((s) => `${s}//`).join(" or ")}`,
  );

/** Every variable there is, with its rule and its default. */
export const Variables = z.object({
  ENVIRONMENT: z.enum(["development", "production"]).default("development"),
  LOG_LEVEL: z.enum(levels).default("info"),
  DATA_DIR: z.string().default(".data"),
  HOST: z.string().optional(),
  AUTH_PORT: port(8001),
  ORDERS_PORT: port(8002),
  PAYMENTS_PORT: port(8003),
  NOTIFICATION_PORT: port(8004),
  ANALYZER_PORT: port(8005),
  ALERT_ENGINE_PORT: port(8006),
  UI_BACKEND_PORT: port(8007),
  INGEST_PORT: port(4318),
  DASHBOARD_PORT: port(3001),
  UI_BACKEND_URL: url("http:", "https:").optional(),
  DASHBOARD_VITE: url("http:").optional(),
  KAFKA_BROKERS: list.optional(),
  KAFKA_SSL: flag.default(false),
  KAFKA_SSL_CA: z.string().optional(),
  KAFKA_SASL_MECHANISM: z.enum(["plain", "scram-sha-256", "scram-sha-512"]).optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: secret().optional(),
  KAFKA_TOPIC_PREFIX: z.string()
    .regex(/^[A-Za-z0-9._-]*$/, "must be letters, digits, dots, dashes and underscores")
    .default(""),
  REDIS_ADDR: z.string().optional(),
  REDIS_SSL_CA: z.string().optional(),
  REDIS_URL: secret(url("redis:", "rediss:")).optional(),
  JWT_SECRET: secret(
    z.string().refine(
      (text) => new TextEncoder().encode(text).length >= 32,
      "must be at least 32 bytes long",
    ),
  ).optional(),
  JWT_EXPIRATION: z.coerce.number().positive().max(8_760).default(24),
  ADMIN_PASSWORD: secret().default(() => new Secret("admin")),
  DEMO_LOGIN: flag.optional(),
  ALLOWED_ORIGINS: list.pipe(z.array(origin)).optional(),
  TRUSTED_PROXIES: list.default(["127.0.0.1", "::1"]),
  INGEST_TOKEN: secret().optional(),
  ALERTING_CONFIG: z.string().optional(),
  ALERT_ENGINE_ROUTE_PREFIX: z.string()
    .regex(/^(\/[\w.-]+)*\/?$/, "must be a path such as /alertmanager")
    .transform((prefix) => prefix.replace(/\/$/, ""))
    .default(""),
  SLACK_WEBHOOK_URL: secret(url("http:", "https:")).optional(),
  SLACK_CHANNEL: z.string().optional(),
  SMTP_URL: secret(url("smtp:", "smtps:")).optional(),
  EMAIL_FROM: z.string().default("eventflow@localhost"),
  EMAIL_RECIPIENTS: list.default([]),
  WEBHOOK_URLS: list.pipe(z.array(url("http:", "https:"))).default([]),
  WEBHOOK_SECRET: secret(
    z.string().regex(/^whsec_[A-Za-z0-9+/=]+$/, "must be whsec_ followed by base64"),
  ).optional(),
  SIMULATORS: list.optional(),
  SIMULATOR_SEED: z.string().optional(),
});

/** Variables whose values are masked in error messages. */
const masked = /SECRET|PASSWORD|TOKEN|URL/;

export type Config = Readonly<
  Omit<z.output<typeof Variables>, "HOST" | "DEMO_LOGIN" | "ALLOWED_ORIGINS" | "UI_BACKEND_URL"> & {
    UI_BACKEND_URL: string;
    HOST: string;
    DEMO_LOGIN: boolean;
    ALLOWED_ORIGINS: readonly string[];
  }
>;

/** Raised once with everything that is wrong. */
export class ConfigError extends Error {
  override name = "ConfigError";
  /** @param variables whose values are wrong, as far as they are known */
  constructor(readonly problems: readonly string[], readonly variables: readonly string[] = []) {
    super(`Cannot start with this configuration:\n${problems.map((p) => `  - ${p}`).join("\n")}`);
  }
}

/**
 * Reads and checks the configuration. Empty variables count as unset.
 *
 * @throws {ConfigError} naming every variable that is wrong
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(readConfig({ UI_BACKEND_PORT: "0" }).UI_BACKEND_PORT, 0);
 * ```
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(Variables.shape).map((name) => [name, environment[name] || undefined]),
  );
  const show = (name: string) => given[name] && (masked.test(name) ? "•••" : given[name]);
  const problems: string[] = [];
  const variables: string[] = [];
  const refuse = (name: string, rule: string, ...because: string[]) => {
    problems.push(`${name} ${rule}: current value is ${show(name) ? `"${show(name)}"` : "unset"}`);
    variables.push(name, ...because);
  };

  const result = Variables.safeParse(given, { error: ruleOf });
  for (const issue of result.error?.issues ?? []) refuse(String(issue.path[0]), issue.message);
  if (given.ENVIRONMENT === "production") {
    if (!given.JWT_SECRET) refuse("JWT_SECRET", "must be set in production");
    if (!given.ADMIN_PASSWORD || given.ADMIN_PASSWORD === "admin") {
      refuse("ADMIN_PASSWORD", "must be set, and not to the default, in production");
    }
    if (given.DEMO_LOGIN === "true") refuse("DEMO_LOGIN", "must not be true in production");
  }
  for (const name of ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"]) {
    if (given.KAFKA_SASL_MECHANISM && !given[name]) {
      refuse(name, "must be set when KAFKA_SASL_MECHANISM is set", "KAFKA_SASL_MECHANISM");
    }
  }
  if (given.SMTP_URL && !given.EMAIL_RECIPIENTS) {
    refuse("EMAIL_RECIPIENTS", "must name somebody when SMTP_URL is set", "SMTP_URL");
  }
  if (!result.success || problems.length > 0) throw new ConfigError(problems, variables);
  const config = result.data;
  return Object.freeze({
    ...config,
    UI_BACKEND_URL: config.UI_BACKEND_URL ?? `http://localhost:${config.UI_BACKEND_PORT}`,
    // With the passwords of development nobody else should reach it.
    HOST: config.HOST ?? (config.ENVIRONMENT === "development" ? "127.0.0.1" : "0.0.0.0"),
    DEMO_LOGIN: config.DEMO_LOGIN ?? config.ENVIRONMENT === "development",
    ALLOWED_ORIGINS: config.ALLOWED_ORIGINS ??
      ["localhost", "127.0.0.1"].map((host) => `http://${host}:${config.DASHBOARD_PORT}`),
  });
}

/** The rule that a value breaks, in words; schemas with words of their own have the say. */
function ruleOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_value":
      return `must be ${issue.values.join(" or ")}`;
    case "too_small":
      return `must be ${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return `must be ${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "invalid_type":
      return `must be a ${issue.expected === "int" ? "whole number" : issue.expected}`;
    default:
      return "must have another form";
  }
}

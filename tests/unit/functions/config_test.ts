import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ConfigError, readConfig } from "functions/config.ts";

const long = "x".repeat(32);

Deno.test("an empty environment is a working development configuration", () => {
  const config = readConfig({});
  assert.equal(config.ENVIRONMENT, "development");
  assert.equal(config.DATA_DIR, ".data");
  assert.equal(config.DEMO_LOGIN, true);
  assert.equal(config.ADMIN_PASSWORD.reveal(), "admin");
  assert.equal(config.HOST, "127.0.0.1");
  assert.deepEqual(config.ALLOWED_ORIGINS, ["http://localhost:3001", "http://127.0.0.1:3001"]);
});

Deno.test("an empty variable counts as unset", () => {
  assert.equal(readConfig({ DATA_DIR: "", UI_BACKEND_PORT: "" }).UI_BACKEND_PORT, 8007);
});

const refused: [rule: string, environment: Record<string, string>, ...mentions: RegExp[]][] = [
  ["a port is a number", { AUTH_PORT: "http" }, /AUTH_PORT .*current value is "http"/],
  ["a port is at most 65535", { AUTH_PORT: "70000" }, /AUTH_PORT .*"70000"/],
  ["a level is one of four", { LOG_LEVEL: "loud" }, /LOG_LEVEL .*"loud"/],
  ["a short secret is refused and not shown", { JWT_SECRET: "short" }, /JWT_SECRET .*32.*"•••"/],
  ["a webhook is a URL", { WEBHOOK_URLS: "nonsense" }, /WEBHOOK_URLS/],
  ["mail goes over SMTP", { SMTP_URL: "http://x", EMAIL_RECIPIENTS: "a@b" }, /SMTP_URL .*smtp/],
  ["mail has a recipient", { SMTP_URL: "smtp://localhost" }, /EMAIL_RECIPIENTS/],
  [
    "production needs a secret",
    { ENVIRONMENT: "production", ADMIN_PASSWORD: "long enough" },
    /JWT_SECRET/,
  ],
  [
    "production refuses the default password",
    { ENVIRONMENT: "production", JWT_SECRET: long, ADMIN_PASSWORD: "admin" },
    /ADMIN_PASSWORD/,
  ],
  [
    "production refuses an unset password",
    { ENVIRONMENT: "production", JWT_SECRET: long },
    /ADMIN_PASSWORD .*unset/,
  ],
  [
    "production refuses the demo login",
    { ENVIRONMENT: "production", JWT_SECRET: long, ADMIN_PASSWORD: "p", DEMO_LOGIN: "true" },
    /DEMO_LOGIN/,
  ],
  [
    "all errors come at once",
    { AUTH_PORT: "x", LOG_LEVEL: "y", DEMO_LOGIN: "z" },
    /AUTH_PORT/,
    /LOG_LEVEL/,
    /DEMO_LOGIN/,
  ],
];
for (const [rule, environment, ...mentions] of refused) {
  Deno.test(`configuration: ${rule}`, () => {
    assert.throws(() => readConfig(environment), (error: Error) => {
      assert(error instanceof ConfigError);
      for (const mention of mentions) assert.match(error.message, mention);
      return true;
    });
  });
}

Deno.test("a secret is never printed", () => {
  const config = readConfig({
    JWT_SECRET: long,
    SMTP_URL: "smtp://u:hush@h",
    EMAIL_RECIPIENTS: "a@b",
  });
  const printed = [
    JSON.stringify(config),
    Deno.inspect(config),
    `${config.JWT_SECRET}`,
    Buffer.from(String(config.SMTP_URL)).toString(),
  ].join();
  assert(!printed.includes(long) && !printed.includes("hush"), printed);
  assert.equal(config.JWT_SECRET?.reveal(), long);
});

Deno.test("production with its own secrets starts, and is reachable from outside", () => {
  const config = readConfig({
    ENVIRONMENT: "production",
    JWT_SECRET: long,
    ADMIN_PASSWORD: "something of one's own",
  });
  assert.equal(config.DEMO_LOGIN, false);
  assert.equal(config.HOST, "0.0.0.0");
});

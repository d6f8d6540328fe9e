import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ConfigError, readConfig } from "functions/config.ts";
import { readEnvironment } from "functions/main.ts";

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
  ["a choice says what there is", { LOG_LEVEL: "loud" }, /must be debug or info or warn or error:/],
  ["a number says what it must be", { AUTH_PORT: "http" }, /AUTH_PORT must be a number:/],
  ["a limit says what it is", { ORDERS_PORT: "70000" }, /ORDERS_PORT must be at most 65535:/],
  ["a whole number is one", { AUTH_PORT: "1.5" }, /AUTH_PORT must be a whole number:/],
  ["a time is positive", { JWT_EXPIRATION: "0" }, /JWT_EXPIRATION must be more than 0:/],
  ["an origin is one", { ALLOWED_ORIGINS: "dashboard" }, /ALLOWED_ORIGINS must be origins/],
  ["there is no origin of all", { ALLOWED_ORIGINS: "*" }, /ALLOWED_ORIGINS must be origins/],
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

Deno.test("configuration: what the variables lead to is told together with them", () => {
  const environment = {
    LOG_LEVEL: "loud",
    SMTP_URL: "smtp://localhost",
    KAFKA_SASL_MECHANISM: "plain",
    SIMULATORS: "weather",
    ALERTING_CONFIG: "/nothing/there.yml",
    ENVIRONMENT: "production",
  };
  assert.throws(() => readEnvironment(environment, ["nobody"]), (error: Error) => {
    for (
      const mention of [/LOG_LEVEL/, /"weather"/, /ALERTING_CONFIG/, /JWT_SECRET/, /"nobody"/]
    ) assert.match(error.message, mention);
    return true;
  });
});

Deno.test("a secret is as long as its bytes", () => {
  assert(readConfig({ JWT_SECRET: "ß".repeat(16) }).JWT_SECRET);
  assert.throws(() => readConfig({ JWT_SECRET: "ß".repeat(15) }), /32 bytes/);
});

Deno.test("an origin is what browsers send of an address", () => {
  const { ALLOWED_ORIGINS } = readConfig({ ALLOWED_ORIGINS: "https://A.example/, http://b:80" });
  assert.deepEqual(ALLOWED_ORIGINS, ["https://a.example", "http://b"]);
});

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

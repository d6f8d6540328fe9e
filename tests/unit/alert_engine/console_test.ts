import assert from "node:assert/strict";
import console from "functions/alert-engine/dispatchers/console.ts";
import { readConfig } from "functions/config.ts";
import { alert, notification, over } from "tests/unit/alerting/samples.ts";
import { attempt, dispatcherOf, recordedLog } from "./samples.ts";

Deno.test("writes a line for the group and one for each alert", async () => {
  const { log, lines } = recordedLog();
  const alerts = [alert({ title: "bad\u001b[31m\nthing" }), over(alert({ name: "B" }), 1)];
  await dispatcherOf(console, {}).dispatch(notification({ alerts }), attempt({ log }));
  const { message, level } = JSON.parse(lines[0]!);
  assert.equal(level, "info");
  assert.deepEqual(message.split("\n"), [
    "[FIRING:1] service=payments (first notification)",
    "  critical: bad [31m thing",
    "  resolved: B on payments",
  ]);
});

Deno.test("is the channel of a development machine alone", () => {
  assert.equal(console.fromEnvironment!(readConfig({})).length, 1);
  const production = readConfig({
    ENVIRONMENT: "production",
    JWT_SECRET: "x".repeat(32),
    ADMIN_PASSWORD: "a long one",
  });
  assert.deepEqual(console.fromEnvironment!(production), []);
});

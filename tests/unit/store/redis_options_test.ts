/** What the Redis store makes of an address or a URL. @module */
import assert from "node:assert/strict";
import { readOptions } from "shared/store/redis/connection.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { systemClock } from "shared/time/clock.ts";

const base = { clock: systemClock, log: silentLog };

const rows: [rule: string, given: { url?: string; address?: string; ca?: string }, want: object][] =
  [
    ["an address is a host and a port", { address: "redis.internal:6380" }, {
      host: "redis.internal",
      port: 6380,
      db: 0,
    }],
    ["the port is 6379 when none is named", { address: "redis" }, { host: "redis", port: 6379 }],
    ["IPv6 addresses stand in brackets", { address: "[::1]:7000" }, { host: "::1", port: 7000 }],
    [
      "a URL names user, password and database, escaped",
      { url: "redis://user:p%40ss%2Fw%3Aord@host:1/7" },
      { host: "host", port: 1, username: "user", password: "p@ss/w:ord", db: 7, tls: undefined },
    ],
    ["a password may come without a user", { url: "redis://:secret@host" }, {
      username: undefined,
      password: "secret",
    }],
    ["rediss:// means TLS", { url: "rediss://host:6380" }, { port: 6380, tls: {} }],
    ["an authority of one's own is used for TLS", { url: "rediss://host", ca: "PEM" }, {
      tls: { ca: "PEM" },
    }],
    ["the URL comes before the address", { url: "redis://one", address: "two" }, { host: "one" }],
    ["nothing is queued or repeated", { address: "host" }, {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
    }],
  ];

for (const [rule, given, want] of rows) {
  Deno.test(`Redis address: ${rule}`, () => {
    const options = readOptions({ ...base, ...given }) as Record<string, unknown>;
    const found = Object.fromEntries(Object.keys(want).map((name) => [name, options[name]]));
    assert.deepEqual(found, want);
  });
}

Deno.test("Redis address: what is none is refused, and a URL is not shown", () => {
  assert.throws(() => readOptions(base), /current value is ""/);
  assert.throws(() => readOptions({ ...base, address: "a b" }), /current value is "a b"/);
  assert.throws(
    () => readOptions({ ...base, url: "redis://user:hunter2@host:99999" }),
    (error: Error) => !Deno.inspect(error).includes("hunter2"),
  );
});

/** What other sites may send, and where a login may lead. @module */
import assert from "node:assert/strict";
import { localPath, refuseForeign } from "fresh-dashboard/session/origin.ts";

const here = "http://dash.example:3001/alerts";
const requests: [string, string, Record<string, string>, boolean][] = [
  ["a page may be opened from anywhere", "GET", { "sec-fetch-site": "cross-site" }, true],
  ["a form of ours", "POST", { "sec-fetch-site": "same-origin" }, true],
  ["a form of another site", "POST", { "sec-fetch-site": "cross-site" }, false],
  ["a form of another port or subdomain", "POST", { "sec-fetch-site": "same-site" }, false],
  ["a form that no page sent", "POST", { "sec-fetch-site": "none" }, false],
  ["an older browser, from ours", "POST", { origin: "http://dash.example:3001" }, true],
  ["behind a proxy that ends TLS", "POST", { origin: "https://dash.example:3001" }, true],
  ["an older browser, from another site", "POST", { origin: "http://evil.example" }, false],
  ["an older browser, from another port", "POST", { origin: "http://dash.example:3002" }, false],
  ["a page in a sandbox", "POST", { origin: "null" }, false],
  ["neither header", "DELETE", {}, false],
  ["the browser's word does not outweigh a foreign origin", "POST", {
    "sec-fetch-site": "same-origin",
    origin: "http://evil.example",
  }, false],
  ["any method that changes", "PUT", { "sec-fetch-site": "cross-site" }, false],
  [
    "a WebSocket of ours",
    "GET",
    { upgrade: "websocket", origin: "http://dash.example:3001" },
    true,
  ],
  [
    "a WebSocket of another site",
    "GET",
    { upgrade: "websocket", origin: "http://evil.example" },
    false,
  ],
  ["a WebSocket of a program", "GET", { upgrade: "websocket" }, false],
];
for (const [name, method, headers, allowed] of requests) {
  Deno.test(`from where: ${name} is ${allowed ? "taken" : "refused"}`, () => {
    assert.equal(refuseForeign(new Request(here, { method, headers })) === undefined, allowed);
  });
}

const paths: [string | null, string][] = [
  [null, "/"],
  ["", "/"],
  ["/alerts?status=firing#top", "/alerts?status=firing#top"],
  ["/a/../b", "/b"],
  ["alerts", "/"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["/\t/evil.example", "/"],
  ["/a/..//evil.example", "/"],
  ["/.//evil.example", "/"],
  ["https://evil.example", "/"],
  ["javascript:alert(1)", "/"],
  ["/login?next=/login", "/"],
  ["/logout", "/"],
];
for (const [given, want] of paths) {
  Deno.test(`after the login: ${JSON.stringify(given)} leads to ${want}`, () => {
    assert.equal(localPath(given), want);
  });
}

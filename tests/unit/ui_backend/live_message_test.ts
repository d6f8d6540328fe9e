import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Interest,
  LiveMessage,
  maxClientMessage,
  readClientMessage,
} from "functions/ui-backend/live/message.ts";

type Step = ["subscribe" | "unsubscribe", { types?: string[]; services?: string[] }];
const after = (steps: Step[]) => {
  const interest = new Interest();
  for (const [verb, wish] of steps) interest[verb](wish);
  return interest;
};

const wishes: [
  rule: string,
  steps: Step[],
  type: "metric" | "alert" | "status",
  service: string | undefined,
  want: boolean,
][] = [
  ["at first a client wants everything", [], "metric", "orders", true],
  [
    "the first subscribe narrows it to what it names",
    [["subscribe", { types: ["alert"] }]],
    "metric",
    "orders",
    false,
  ],
  ["and keeps what it names", [["subscribe", { types: ["alert"] }]], "alert", "orders", true],
  [
    "later ones add",
    [["subscribe", { types: ["alert"] }], ["subscribe", { types: ["metric"] }]],
    "metric",
    "orders",
    true,
  ],
  ["services narrow too", [["subscribe", { services: ["auth"] }]], "metric", "orders", false],
  ["and types stay as they are", [["subscribe", { services: ["auth"] }]], "metric", "auth", true],
  ["unsubscribe takes away", [["unsubscribe", { types: ["metric"] }]], "metric", "orders", false],
  ["and leaves the rest", [["unsubscribe", { types: ["metric"] }]], "alert", "orders", true],
  ["a service may be left out", [["unsubscribe", { services: ["auth"] }]], "metric", "auth", false],
  ["and the others stay", [["unsubscribe", { services: ["auth"] }]], "metric", "orders", true],
  [
    "what was left out may come back",
    [["unsubscribe", { services: ["auth"] }], ["subscribe", { services: ["auth"] }]],
    "metric",
    "auth",
    true,
  ],
  ["unsubscribe without names is nothing", [["unsubscribe", {}]], "alert", "orders", false],
  [
    "subscribe without names is everything again",
    [["subscribe", { types: ["alert"] }], ["subscribe", {}]],
    "metric",
    "orders",
    true,
  ],
  ["answers to the client always come", [["unsubscribe", {}]], "status", undefined, true],
];
for (const [rule, steps, type, service, want] of wishes) {
  Deno.test(`interest: ${rule}`, () => assert.equal(after(steps).wants({ type, service }), want));
}

Deno.test("interest: tells what arrives", () => {
  assert.deepEqual(after([["subscribe", { types: ["alert"], services: ["auth"] }]]).describe(), {
    types: ["alert"],
    services: ["auth"],
  });
});

const said: [rule: string, data: unknown, want: unknown][] = [
  ["subscribe", '{"type":"subscribe","types":["alert"]}', { type: "subscribe", types: ["alert"] }],
  ["the fields may be in the payload", '{"type":"subscribe","payload":{"services":["a"]}}', {
    type: "subscribe",
    services: ["a"],
  }],
  ["resume", '{"type":"resume","payload":{"seq":5}}', { type: "resume", seq: 5 }],
  ["ping", '{"type":"ping"}', { type: "ping" }],
  ["unknown fields are ignored", '{"type":"ping","x":1}', { type: "ping" }],
];
for (const [rule, data, want] of said) {
  Deno.test(`client message: ${rule}`, () => assert.deepEqual(readClientMessage(data), want));
}

const nonsense: [rule: string, data: unknown][] = [
  ["what is not JSON", "{"],
  ["an unknown type", '{"type":"shutdown"}'],
  ["a list", "[]"],
  ["nothing", "null"],
  ["bytes", new Uint8Array(3)],
  ["an unknown message type", '{"type":"subscribe","types":["gossip"]}'],
  ["a seq that is none", '{"type":"resume","seq":-1}'],
  ["what is too long", JSON.stringify({ type: "ping", x: "x".repeat(maxClientMessage) })],
];
for (const [rule, data] of nonsense) {
  Deno.test(`client message: ${rule} is answered with what is wrong`, () => {
    assert.equal(typeof readClientMessage(data), "string");
  });
}

Deno.test("client message: whatever comes, reading it does not throw", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (data) => {
    readClientMessage(data);
  }));
});

Deno.test("live message: is written as type, payload, seq and timestamp", () => {
  assert.deepEqual(JSON.parse(new LiveMessage("alert", 7, 0, { id: "x" }).text), {
    type: "alert",
    payload: { id: "x" },
    seq: 7,
    timestamp: "1970-01-01T00:00:00.000Z",
  });
});

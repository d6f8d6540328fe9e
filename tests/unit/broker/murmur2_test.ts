import assert from "node:assert/strict";
import { positiveMurmur2 } from "shared/broker/murmur2.ts";

// The values that Apache Kafka's own tests of its hash expect (`UtilsTest.testMurmur2`).
const known: [key: string, murmur2: number][] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
];

for (const [key, expected] of known) {
  Deno.test(`the hash of "${key}" is Kafka's`, () => {
    assert.equal(positiveMurmur2(key), expected & 0x7fffffff);
  });
}

Deno.test("the hash is never negative, whatever the key", () => {
  for (const key of ["", "ü", "🚀", "\0", "x".repeat(10_000)]) assert(positiveMurmur2(key) >= 0);
});

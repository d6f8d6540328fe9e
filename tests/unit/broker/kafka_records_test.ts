import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import Decoder from "kafkajs/src/protocol/decoder.js";
import Encoder from "kafkajs/src/protocol/encoder.js";
import { RecordBatch } from "kafkajs/src/protocol/recordBatch/v0/index.js";
import Record from "kafkajs/src/protocol/recordBatch/record/v0/index.js";
import decodeMessages from "kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js";
import { gzip, noCompression } from "shared/broker/kafka/client.ts";
import { recordsFrom } from "shared/broker/kafka/fetched.ts";
import { readRecords } from "shared/broker/kafka/records.ts";

interface Written {
  offset: number;
  compression: number;
  timestamp: number;
  records: {
    key: string | null;
    value: string | null;
    delta: number;
    headers: [name: string, value: string][];
  }[];
}

/** A batch as a leader has it in its log, by kafkajs. */
async function batch({ offset, compression, timestamp, records }: Written): Promise<Buffer> {
  const { buffer } = await RecordBatch({
    compression,
    firstOffset: offset,
    firstTimestamp: timestamp,
    maxTimestamp: timestamp,
    lastOffsetDelta: records.length - 1,
    records: records.map(({ key, value, delta, headers }, i) => {
      const named: { [name: string]: string[] } = Object.create(null);
      for (const [name, text] of headers) (named[name] ??= []).push(text);
      return Record({ offsetDelta: i, timestampDelta: delta, key, value, headers: named });
    }),
  });
  return buffer;
}

/** What kafkajs makes of it. */
async function wanted(set: Buffer) {
  const decoder = new Decoder(new Encoder().writeBytes(set).buffer);
  const messages = await decodeMessages(decoder);
  return recordsFrom("t", 0, { partition: 0, highWatermark: "0", messages });
}

const text = fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: "grapheme" }));
const written = fc.record({
  offset: fc.nat(2 ** 40),
  compression: fc.constantFrom(noCompression, gzip),
  timestamp: fc.integer({ min: 0, max: 2 ** 42 }),
  records: fc.array(
    fc.record({
      key: fc.option(text),
      value: fc.option(fc.oneof(text, fc.constantFrom("x".repeat(70), "é".repeat(9_000)))),
      delta: fc.oneof(fc.nat(1_000), fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
      headers: fc.array(
        fc.tuple(fc.oneof(fc.constantFrom("event-id", "é"), text), text),
        { maxLength: 4 },
      ),
    }),
    { minLength: 1, maxLength: 6 },
  ),
}) satisfies fc.Arbitrary<Written>;

Deno.test("records are what kafkajs reads", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(written, { minLength: 1, maxLength: 3 }), async (all) => {
      const set = Buffer.concat(await Promise.all(all.map(batch)));
      assert.deepEqual(readRecords(set), await wanted(set));
    }),
    { numRuns: 150 },
  );
});

const plain = (offset: number, count: number, compression = noCompression): Written => ({
  offset,
  compression,
  timestamp: 1_000,
  records: Array.from({ length: count }, (_, i) => ({
    key: "k",
    value: `value ${offset + i}`,
    delta: i,
    headers: [["event-id", `${i}`]],
  })),
});

Deno.test("a batch that is cut off anywhere is left for the next answer", async () => {
  const first = await batch(plain(10, 3, gzip));
  const set = Buffer.concat([first, await batch(plain(13, 2))]);
  for (let length = 0; length < set.length; length++) {
    const read = readRecords(set.subarray(0, length))!;
    const whole = length >= first.length;
    assert.deepEqual(read.records.map(({ offset }) => offset), whole ? [10, 11, 12] : []);
    assert.equal(read.next, whole ? 13 : undefined);
  }
});

Deno.test("records of the log itself are passed", async () => {
  const control = await batch(plain(13, 1));
  control.writeInt16BE(0b110000, 21);
  const set = Buffer.concat([await batch(plain(10, 3)), control]);
  const { records, next } = readRecords(set)!;
  assert.deepEqual(records.map(({ offset }) => offset), [10, 11, 12]);
  assert.equal(next, 14);
});

Deno.test("where the broker sets the time, all records of a batch have it", async () => {
  const set = await batch(plain(0, 3));
  set.writeInt16BE(0b1000, 21);
  set.writeBigInt64BE(77n, 35);
  assert.deepEqual(readRecords(set)!.records.map(({ timestamp }) => timestamp), [77, 77, 77]);
});

Deno.test("an older format and another compression are left to kafkajs", async () => {
  const old = await batch(plain(0, 1));
  old[16] = 1;
  assert.equal(readRecords(old), undefined);
  for (const other of [2, 3, 5]) {
    const set = await batch(plain(0, 1));
    set.writeInt16BE(other, 21);
    assert.equal(readRecords(set), undefined, `${other}`);
  }
});

Deno.test("a batch shorter than its header is refused, whatever it is of", async () => {
  for (const length of [-1, -61, 0, 40]) {
    for (const attributes of [0, 0b100000]) {
      const set = Buffer.concat([await batch(plain(0, 1)), await batch(plain(1, 1))]);
      set.writeInt32BE(length, 8);
      set.writeInt16BE(attributes, 21);
      assert.throws(() => readRecords(set), RangeError);
    }
  }
});

Deno.test("a record that does not end where it says is refused", async () => {
  const set = await batch(plain(0, 2));
  // The length of the first record.
  set[61]! += 2;
  assert.throws(() => readRecords(set), RangeError);
});

Deno.test("bytes of any kind are refused, or read in bounded time", async () => {
  const set = await batch(plain(0, 3));
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(set.length), (noise, at) => {
      const broken = Buffer.from(set);
      // The sizes of batches are those of the answer: beyond is cut off.
      broken.set(noise.subarray(0, broken.length - at), at);
      try {
        readRecords(broken);
      } catch (error) {
        assert(error instanceof RangeError, error as Error);
      }
    }),
    { numRuns: 2_000 },
  );
});

/**
 * Reads the records that a leader answers with: the format of Kafka 0.11 and later, whole or packed
 * with gzip or zstd. kafkajs reads the same a field, a promise and a big integer at a time, which
 * took more of an analyzer's time than its rules did.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import * as zlib from "node:zlib";

/** A record as its producer made it. */
export interface KafkaRecord {
  readonly offset: number;
  /** Epoch milliseconds: of the producer, or of the broker where the topic says so. */
  readonly timestamp: number;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RecordSet {
  /** In order of offset; without those that are of the log itself. */
  readonly records: KafkaRecord[];
  /** The offset after the last one, of whatever kind; undefined when there is none. */
  readonly next: number | undefined;
}

/** The only format this reads: "magic" in the protocol. */
const format = 2;
/** Bytes of a batch before its length counts, and before its records. */
const lengthEnd = 12;
const headerEnd = 61;
/** The pieces in which batches are unpacked. */
const least_bytes = 1024;
const most_bytes = 1024 * 1024;

/**
 * Unpacks at once: a few milliseconds, where threads cost a third of the speed of reading. In one
 * piece, as gzip says at its end how long it was (RFC 1952, section 2.3.1: ISIZE).
 */
export function gunzip(packed: Buffer): Buffer {
  const length = packed.length < 4 ? 0 : packed.readUInt32LE(packed.length - 4);
  const chunkSize = Math.min(Math.max(length + 1, least_bytes), most_bytes);
  return zlib.gunzipSync(packed, { chunkSize });
}

/** How batches may be packed, by the number that says so in their attributes. */
const unpacked: Readonly<Record<number, (packed: Buffer) => Buffer>> = {
  0: (plain) => plain,
  1: gunzip,
  4: (packed) => zlib.zstdDecompressSync(packed),
};

/**
 * Reads the batches of a partition as they lie in the log; the last may be cut off.
 *
 * Source: the message format of Kafka's documentation, section "Record Batch".
 *
 * @returns undefined when a batch is older, or packed in another way
 * @throws {RangeError} when a batch is not what it says
 */
export function readRecords(set: Buffer): RecordSet | undefined {
  const records: KafkaRecord[] = [];
  let next: number | undefined;
  for (let at = 0; at + headerEnd <= set.length;) {
    const end = at + lengthEnd + set.readInt32BE(at + 8);
    if (set[at + 16] !== format) return;
    if (end > set.length) break;
    if (end < at + headerEnd) {
      throw new RangeError(
        `Cannot read a batch as it must be longer than its header: current value is "${end - at}"`,
      );
    }
    const attributes = set.readInt16BE(at + 21);
    const unpack = unpacked[attributes & 0b111];
    if (!unpack) return;
    const offset = int64(set, at);
    const ofLog = (attributes & 0b100000) !== 0;
    if (!ofLog) {
      const setByBroker = (attributes & 0b1000) !== 0;
      const packed = set.subarray(at + headerEnd, end);
      readBatch(whole(unpack, packed), set.readInt32BE(at + 57), {
        offset,
        timestamp: int64(set, at + (setByBroker ? 35 : 27)),
        setByBroker,
      }, records);
    }
    next = offset + set.readInt32BE(at + 23) + 1;
    at = end;
  }
  return { records, next };
}

function whole(unpack: (packed: Buffer) => Buffer, packed: Buffer): Buffer {
  try {
    return unpack(packed);
  } catch (cause) {
    throw new RangeError(
      `Cannot unpack a batch as it must be packed as it says: current value is "${
        (cause as Error).message
      }"`,
      { cause },
    );
  }
}

interface First {
  readonly offset: number;
  readonly timestamp: number;
  readonly setByBroker: boolean;
}

function readBatch(bytes: Buffer, count: number, first: First, records: KafkaRecord[]): void {
  const reader = new Reader(bytes);
  for (let i = 0; i < count; i++) {
    const end = reader.int() + reader.at;
    reader.at++; // Attributes, of which there are none yet.
    const delta = reader.long();
    records.push({
      timestamp: first.setByBroker ? first.timestamp : first.timestamp + delta,
      offset: first.offset + reader.int(),
      key: reader.text(),
      value: reader.text(),
      headers: reader.headers(),
    });
    if (reader.at !== end || end > bytes.length) {
      throw new RangeError(
        `Cannot read record ${i} of ${count} as it must end at ${end} of ${bytes.length} bytes: current value is "${reader.at}"`,
      );
    }
  }
}

/** Reads the parts of records one after another. */
class Reader {
  readonly #bytes: Buffer;
  /** The names of headers, which are mostly those of the record before. */
  readonly #names: string[] = [];
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A whole number of up to 32 bits, in zigzag and seven bits a byte. */
  int(): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = bytes[this.at++]!;
      value |= (byte & 0x7f) << shift;
      if (!(byte & 0x80)) return (value >>> 1) ^ -(value & 1);
    }
  }

  /** The same of up to 64 bits, as far as numbers are exact. */
  long(): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (!(byte & 0x80)) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }

  /** What is not there is empty. */
  text(): string {
    const length = this.int();
    if (length <= 0) return "";
    const from = this.at;
    this.at += length;
    return this.#bytes.toString("utf8", from, this.at);
  }

  headers(): Record<string, string> {
    const headers: Record<string, string> = {};
    const count = this.int();
    // Of several with one name the last counts, as for Kafka's own `lastHeader`.
    for (let i = 0; i < count && this.at < this.#bytes.length; i++) {
      const name = this.#name(i);
      headers[name] = this.text();
    }
    return headers;
  }

  #name(i: number): string {
    const name = this.text();
    return name === this.#names[i] ? this.#names[i]! : this.#names[i] = name;
  }
}

function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}

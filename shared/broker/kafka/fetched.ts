/**
 * What a leader answers to a request for records, read by `readRecords`; what that does not read (old
 * formats, transactions that were taken back) is left to kafkajs.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import KafkaBatch from "kafkajs/src/consumer/batch.js";
import Decoder from "kafkajs/src/protocol/decoder.js";
import decodeMessages from "kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js";
import { type KafkaRecord, readRecords, type RecordSet } from "./records.ts";

/** A partition of an answer; `set` where we read it, else `messages` as kafkajs does. */
export interface FetchedPartition {
  partition: number;
  highWatermark: string;
  abortedTransactions?: unknown[] | null;
  set?: RecordSet;
  messages?: RawMessage[];
}

interface RawMessage {
  offset: string;
  timestamp: string;
  key: Buffer | null;
  value: Buffer | null;
  headers?: Record<string, Buffer | string | (Buffer | string)[] | undefined>;
}

/** The connections to a broker, as kafkajs has them. */
export interface Connections {
  send(protocol: Protocol): Promise<unknown>;
}

interface Protocol {
  request: { apiKey: number; apiVersion: number };
  response: { decode(answer: Buffer): unknown; parse(answer: unknown): unknown };
}

const fetchKey = 1;
/** The one that kafkajs and brokers from 2.3 on agree on. */
const fetchVersion = 11;

/** Lets the answers that come over some connections be read here. */
export function readAnswersOf(connections: Connections): void {
  if (Object.hasOwn(connections, "send")) return;
  const { send } = connections;
  connections.send = (protocol) => {
    const { request, response } = protocol;
    const ours = request.apiKey === fetchKey && request.apiVersion === fetchVersion;
    return send.call(
      connections,
      ours ? { ...protocol, response: { ...response, decode: readAnswer } } : protocol,
    );
  };
}

async function readAnswer(answer: Buffer) {
  const decoder = new Decoder(answer);
  return {
    throttleTime: 0,
    // Who is told of it waits by itself; the broker has not.
    clientSideThrottleTime: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    sessionId: decoder.readInt32(),
    responses: await decoder.readArrayAsync(async () => ({
      topicName: decoder.readString(),
      partitions: await decoder.readArrayAsync(() => readPartition(decoder)),
    })),
  };
}

async function readPartition(decoder: Decoder): Promise<FetchedPartition> {
  const about = {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: String(decoder.readInt64()),
    lastStableOffset: String(decoder.readInt64()),
    lastStartOffset: String(decoder.readInt64()),
    abortedTransactions: decoder.readArray(() => ({
      producerId: String(decoder.readInt64()),
      firstOffset: String(decoder.readInt64()),
    })),
    preferredReadReplica: decoder.readInt32(),
  };
  const { offset } = decoder;
  const bytes = decoder.readBytes();
  const set = about.abortedTransactions.length > 0
    ? undefined
    : readRecords(bytes ?? Buffer.alloc(0));
  if (set) return { ...about, set };
  decoder.offset = offset;
  return { ...about, messages: await decodeMessages(decoder) };
}

/** The records of an answer from an offset on, without those that were taken back. */
export function recordsFrom(topic: string, offset: number, fetched: FetchedPartition): RecordSet {
  const { records, next } = fetched.set ?? readMessages(topic, fetched);
  const first = records.findIndex((record) => record.offset >= offset);
  return { records: first < 0 ? [] : first === 0 ? records : records.slice(first), next };
}

function readMessages(topic: string, fetched: FetchedPartition): RecordSet {
  const last = fetched.messages!.at(-1);
  const { messages } = new KafkaBatch(topic, "0", fetched) as { messages: RawMessage[] };
  return { records: messages.map(toRecord), next: last && Number(last.offset) + 1 };
}

function toRecord({ offset, timestamp, key, value, headers: raw }: RawMessage): KafkaRecord {
  const headers: Record<string, string> = {};
  for (const name in raw) {
    // Of several the last counts, as for Kafka's own `lastHeader`.
    const one = [raw[name]].flat().at(-1);
    if (one !== undefined && one !== null) headers[name] = String(one);
  }
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: String(key ?? ""),
    value: String(value ?? ""),
    headers,
  };
}

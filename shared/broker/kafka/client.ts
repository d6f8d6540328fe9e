/**
 * The only door to kafkajs 2.2.4: connections to a cluster and the requests of the protocol. Of
 * kafkajs only this layer is used; what is built on it (publishing, groups, reading) is ours, so
 * that a rebalance waits for work in flight and a dead connection is noticed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import * as net from "node:net";
import * as tls from "node:tls";
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import kafkajs from "kafkajs";
import KafkaCluster from "kafkajs/src/cluster/index.js";
import Connection from "kafkajs/src/network/connection.js";
import RequestQueue from "kafkajs/src/network/requestQueue/index.js";
import type { Log } from "shared/telemetry/log.ts";
import { type Connections, type FetchedPartition, readAnswersOf } from "./fetched.ts";
import { gunzip } from "./records.ts";

export const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;

/** How a broker is reached and convinced. */
export interface ConnectOptions {
  /** `host:port` of one broker or more; the others are found through them. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** TLS; `ca` is the PEM text of an authority that the system does not know. */
  readonly ssl?: boolean | { readonly ca: string };
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
  readonly log: Log;
}

export interface TopicData {
  topic: string;
  partitions: {
    partition: number;
    messages: {
      key: string;
      value: string;
      headers: Readonly<Record<string, string>>;
      timestamp: string;
    }[];
  }[];
}

interface Member {
  groupId: string;
  memberId: string;
}
interface Offsets<P> {
  topic: string;
  partitions: P[];
}

/** One broker of the cluster: each method is one request. */
export interface Node {
  produce(
    request: { acks: number; timeout: number; compression: number; topicData: TopicData[] },
  ): Promise<unknown>;
  fetch(request: {
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    isolationLevel: number;
    topics: Offsets<{ partition: number; fetchOffset: string; maxBytes: number }>[];
  }): Promise<{ responses: { topicName: string; partitions: FetchedPartition[] }[] }>;
  joinGroup(
    request: Member & {
      sessionTimeout: number;
      rebalanceTimeout: number;
      groupProtocols: { name: string; metadata: Buffer }[];
    },
  ): Promise<{
    generationId: number;
    leaderId: string;
    memberId: string;
    members: { memberId: string; memberMetadata: Buffer }[];
  }>;
  syncGroup(
    request: Member & {
      generationId: number;
      groupAssignment: { memberId: string; memberAssignment: Buffer }[];
    },
  ): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: Member & { groupGenerationId: number }): Promise<unknown>;
  leaveGroup(request: Member): Promise<unknown>;
  offsetCommit(
    request: Member & {
      groupGenerationId: number;
      topics: Offsets<{ partition: number; offset: string }>[];
    },
  ): Promise<unknown>;
  offsetFetch(
    request: { groupId: string; topics: Offsets<{ partition: number }>[] },
  ): Promise<{ responses: Offsets<{ partition: number; offset: string }>[] }>;
  findGroupCoordinator(request: { groupId: string; coordinatorType: number }): Promise<unknown>;
  createTopics(
    request: {
      topics: { topic: string; numPartitions: number; replicationFactor: number }[];
      timeout: number;
    },
  ): Promise<unknown>;
}

interface RawCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findBroker(of: { nodeId: string | number }): Promise<Node & { connectionPool: Connections }>;
  findControllerBroker(): Promise<Node>;
  findGroupCoordinator(of: { groupId: string }): Promise<Node>;
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  fetchTopicsOffset(
    topics: (Offsets<{ partition: number }> & { fromBeginning: boolean })[],
  ): Promise<Offsets<{ partition: number; offset: string }>[]>;
}

/** No broker answered for this long: the connection is given up. Milliseconds. */
const request_ms = 10_000;
const connection_ms = 5_000;
/** Leaders and partitions are looked up again after this long, even if nothing failed. */
const metadata_ms = 10_000;
/** What a reader may see: of transactions only what was committed. */
export const readCommitted = 1;
export const noCompression = 0;
export const gzip = 1;

// Level 1: JSON shrinks nearly as well as at the default, in a third of the time.
const pack = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gzip);
kafkajs.CompressionCodecs[gzip] = () => ({
  compress: ({ buffer }: { buffer: Buffer }) => pack(buffer, { level: 1 }),
  decompress: async (buffer: Buffer) => gunzip(buffer),
});

// Without this an idle connection asks itself every millisecond whether it is throttled.
const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;
RequestQueue.prototype.scheduleCheckPendingRequests = function (
  this: { pending: unknown[]; throttledUntil: number },
) {
  if (this.pending.length === 0 && this.throttledUntil <= Date.now()) return;
  schedule.call(this);
};

// Without this two requests that find a connection closed open a socket each, and one is lost.
const connect = Connection.prototype.connect;
Connection.prototype.connect = function (this: { opening?: Promise<unknown> }) {
  return this.opening ??= connect.call(this).finally(() => this.opening = undefined);
};

/** A cluster, and the sockets to it. Every call is tried once: who calls decides about retries. */
export class Cluster {
  readonly #raw: RawCluster;
  readonly #sockets = new Set<net.Socket>();
  #closed = false;

  constructor(options: ConnectOptions) {
    this.#raw = new KafkaCluster({
      logger: loggerOf(options.log),
      brokers: () => [...options.brokers],
      clientId: options.clientId,
      ssl: options.ssl === true ? {} : options.ssl || null,
      sasl: options.sasl ? { ...options.sasl } : null,
      socketFactory: (to: SocketTarget) => this.#open(to),
      connectionTimeout: connection_ms,
      authenticationTimeout: connection_ms,
      reauthenticationThreshold: 10_000,
      requestTimeout: request_ms,
      enforceRequestTimeout: true,
      metadataMaxAge: metadata_ms,
      allowAutoTopicCreation: false,
      maxInFlightRequests: null,
      isolationLevel: readCommitted,
      retry: { retries: 0 },
    });
  }

  #open({ host, port, ssl, onConnect }: SocketTarget): net.Socket {
    if (this.#closed) throw new Error("Cannot open a connection as the broker was closed");
    const socket = ssl
      ? tls.connect(
        { host, port, ...(net.isIP(host) ? {} : { servername: host }), ...ssl },
        onConnect,
      )
      : net.connect({ host, port }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    // kafkajs lets go of sockets again and again, and each time leaves a listener behind.
    socket.unref = () => socket;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  /** Looks topics up. @throws when one does not exist, or no broker answers */
  async watch(topics: string[]): Promise<void> {
    await this.#raw.connect();
    await this.#raw.addMultipleTargetTopics(topics);
    await this.#raw.refreshMetadataIfNecessary();
  }

  /** Looks up again where everything is. */
  async refresh(): Promise<void> {
    await this.#raw.connect();
    await this.#raw.refreshMetadata();
  }

  /** The leader of each partition of a watched topic, by number; -1 while there is none. */
  leaders(topic: string): number[] {
    const leaders: number[] = [];
    for (const { partitionId, leader } of this.#raw.findTopicPartitionMetadata(topic)) {
      leaders[partitionId] = leader;
    }
    return leaders;
  }

  async node(id: number): Promise<Node> {
    const node = await this.#raw.findBroker({ nodeId: id });
    readAnswersOf(node.connectionPool);
    return node;
  }

  async controller(): Promise<Node> {
    await this.refresh();
    return await this.#raw.findControllerBroker();
  }

  async coordinator(groupId: string): Promise<Node> {
    await this.#raw.connect();
    await this.#raw.refreshMetadataIfNecessary();
    return await this.#raw.findGroupCoordinator({ groupId });
  }

  /** Whether the user may not use a group; kafkajs only says that its coordinator is not found. */
  async isForbidden(groupId: string): Promise<boolean> {
    try {
      const node = await this.#raw.findControllerBroker();
      await node.findGroupCoordinator({ groupId, coordinatorType: 0 });
      return false;
    } catch (error) {
      return errorType(error) === "GROUP_AUTHORIZATION_FAILED";
    }
  }

  /** The first or the next offset of each partition of a watched topic, by number. */
  async offsets(topic: string, end: "first" | "next"): Promise<number[]> {
    const partitions = this.leaders(topic).map((_, partition) => ({ partition }));
    const [row] = await this.#raw.fetchTopicsOffset([
      { topic, partitions, fromBeginning: end === "first" },
    ]);
    const offsets: number[] = [];
    for (const { partition, offset } of row?.partitions ?? []) offsets[partition] = Number(offset);
    return offsets;
  }

  /** Drops the connections; the next request opens new ones. What waits for an answer fails. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy(new Error("Connection given up"));
  }

  /** Ends everything, without waiting for any answer. */
  async close(): Promise<void> {
    this.#closed = true;
    const ended = [...this.#sockets].map((socket) =>
      new Promise<void>((resolve) => socket.once("close", () => resolve()))
    );
    this.cut();
    await Promise.all(ended);
    await this.#raw.disconnect();
  }
}

interface SocketTarget {
  host: string;
  port: number;
  ssl?: object | null;
  onConnect: () => void;
}

/** Normal rebalances and reconnects are errors to kafkajs; whether they are is decided here. */
function loggerOf(log: Log) {
  const write = (message: string | Error, extra: object = {}) =>
    log.debug(`kafkajs: ${message instanceof Error ? message.message : message}`, { ...extra });
  const logger = {
    debug() {},
    info: write,
    warn: write,
    error: write,
    namespace: () => logger,
    setLogLevel() {},
  };
  return logger;
}

/** What went wrong, as the protocol names it, e.g. `REBALANCE_IN_PROGRESS`; else the error's name. */
export function errorType(error: unknown): string {
  const { type, name, cause } = error as { type?: string; name?: string; cause?: unknown };
  if (type) return type;
  return cause instanceof Error ? errorType(cause) : name ?? "";
}

/**
 * The broker: topics of keyed, ordered, durable messages, read by groups. Shaped by what Kafka can
 * do; every adapter passes `tests/contract/broker.ts`.
 *
 * @module
 */

/** A message to publish. */
export interface Outgoing {
  readonly topic: string;
  /** Messages of one key keep their order; picks the partition. */
  readonly key: string;
  /** JSON text. */
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A message as it is read. */
export interface Incoming extends Outgoing {
  readonly partition: number;
  readonly offset: number;
  /** When it was published, epoch milliseconds. */
  readonly published_at: number;
}

export interface Batch {
  readonly topic: string;
  readonly partition: number;
  /** At least one, in order of offset. */
  readonly records: readonly Incoming[];
}

/** What a subscriber does with its partitions. Calls for one partition never overlap. */
export interface Consumer {
  /**
   * A partition was assigned; the first batch comes when this resolves. `committed` is the offset
   * that the group would go on from. Returns the offset to start from instead, or undefined.
   */
  assigned?(partition: number, committed: number): Promise<number | undefined>;
  /**
   * Handles a batch. When it resolves all its records are done and will be committed; with
   * `{ seek }` reading goes on from that offset instead and nothing is committed. When it throws,
   * the batch comes again after a pause.
   */
  batch(batch: Batch, signal: AbortSignal): Promise<void | { seek: number }>;
  /** Called about every `wake_ms` while a partition has nothing to read; may seek as `batch` may. */
  idle?(partition: number, signal: AbortSignal): Promise<void | { seek: number }>;
  /** The partition goes away (stop or rebalance): its last batch is finished, nothing follows. */
  revoked?(partition: number): Promise<void>;
}

export interface SubscribeOptions {
  /** The consumer group; members share the topic's partitions. */
  readonly group: string;
  readonly topic: string;
  /** Most records of a batch. */
  readonly max: number;
  /** Every subscriber gets every message published from now on; nothing is committed. */
  readonly broadcast?: boolean;
  readonly wake_ms?: number;
}

export interface Subscription {
  /** Takes no more, waits for what is in flight, commits it, leaves the group. */
  stop(): Promise<void>;
}

export interface Lag {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Messages published and not yet committed by the group. */
  readonly lag: number;
}

export interface Broker {
  /** Creates the topics that are missing; existing ones stay as they are. */
  create(topics: readonly { name: string; partitions: number }[]): Promise<void>;
  /**
   * Publishes; when it resolves the messages survive a killed process. All or nothing.
   *
   * @throws {Unavailable} when they cannot be stored, or readers are too far behind
   */
  publish(messages: readonly Outgoing[]): Promise<void>;
  subscribe(options: SubscribeOptions, consumer: Consumer): Promise<Subscription>;
  /** One row for each group, topic and partition. */
  lag(): Promise<Lag[]>;
  /** Resolves when the broker can be written to. @throws {Unavailable} */
  check(): Promise<void>;
  /** Housekeeping: drops what is past its retention. Called now and then by the runner. */
  maintain(): Promise<void>;
  close(): Promise<void>;
}

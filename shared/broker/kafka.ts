/**
 * The broker on a real Kafka: any version from 2.4 on, self-hosted or managed, over plain or TLS
 * connections, with or without SASL. Messages are acknowledged by all replicas in sync; groups are
 * Kafka's own, and their offsets are committed only for what is done.
 *
 * @module
 */
import { Unavailable } from "shared/define/errors.ts";
import type { Log } from "shared/telemetry/log.ts";
import type { Clock } from "shared/time/clock.ts";
import { Cluster, type ConnectOptions, errorType } from "./kafka/client.ts";
import { Fetcher } from "./kafka/fetcher.ts";
import { GroupMember } from "./kafka/member.ts";
import { serve } from "./kafka/partition.ts";
import { Publisher } from "./kafka/publisher.ts";
import type { Broker, Consumer, Lag, Outgoing, SubscribeOptions, Subscription } from "./port.ts";

export interface KafkaBrokerOptions extends ConnectOptions {
  /** Put before the names of topics and groups in the cluster; users of the port never see it. */
  readonly topicPrefix?: string;
  /**
   * After so long without a sign of life the partitions of a member go to others. Milliseconds,
   * 10,000 when absent; brokers take no less than 6,000 unless told otherwise.
   */
  readonly session_ms?: number;
  readonly clock: Clock;
}

export interface KafkaBroker extends Broker {
  /** Ends at once without leaving its groups: to the others it looks like a killed process. */
  cut(): Promise<void>;
}

/** The lag is looked up at most this often. */
const lag_ms = 1_000;
/** How long a check and the creation of topics may take. */
const check_ms = 3_000;
const create_ms = 15_000;
/** How long closing waits for work in flight. */
const close_ms = 2_000;

/**
 * Opens a connection to Kafka. Every call looks for the broker again, so it may be away meanwhile.
 *
 * @throws {Unavailable} when no broker answers
 * @example
 * ```ts
 * const broker = await openKafkaBroker({
 *   brokers: ["localhost:9092"],
 *   clientId: "analyzer",
 *   clock: systemClock,
 *   log,
 * });
 * ```
 */
export async function openKafkaBroker(options: KafkaBrokerOptions): Promise<KafkaBroker> {
  const cluster = new Cluster(options);
  try {
    await cluster.refresh();
  } catch (error) {
    await cluster.close();
    throw away(`reach Kafka at ${options.brokers.join(", ")}`, error);
  }
  return new ClusterBroker(options, cluster);
}

class ClusterBroker implements KafkaBroker {
  readonly #options: KafkaBrokerOptions;
  readonly #prefix: string;
  readonly #cluster: Cluster;
  readonly #publisher: Publisher;
  /** Topics that are known to exist. */
  readonly #topics = new Map<string, Promise<void>>();
  /** Groups and topics that this process subscribed, by both. */
  readonly #groups = new Map<string, { group: string; topic: string }>();
  readonly #members = new Set<{ stop(limit_ms?: number): Promise<void>; cut(): Promise<void> }>();
  #lag: { at: number; rows: Promise<Lag[]> } | undefined;
  #closed = false;

  constructor(options: KafkaBrokerOptions, cluster: Cluster) {
    this.#options = options;
    this.#prefix = options.topicPrefix ?? "";
    this.#cluster = cluster;
    this.#publisher = new Publisher(cluster, options.clock);
  }

  async create(topics: readonly { name: string; partitions: number }[]): Promise<void> {
    const { clock } = this.#options;
    const missing: { name: string; partitions: number }[] = [];
    let hidden: unknown;
    for (const topic of topics) {
      try {
        if (!await this.#exists(topic.name)) missing.push(topic);
      } catch (error) {
        // To whom a topic may not be shown, it is the same whether it is there.
        if (errorType(error) !== "TOPIC_AUTHORIZATION_FAILED") throw error;
        hidden = error;
        missing.push(topic);
      }
    }
    if (hidden) throw this.#refused("look up", missing, [errorType(hidden)], hidden);
    if (missing.length > 0) await this.#createAll(missing);
    // A topic that was just made is not yet known everywhere.
    const deadline = clock.now() + create_ms;
    for (const { name } of missing) {
      for (;;) {
        try {
          await this.#cluster.watch([this.#prefix + name]);
          await this.#cluster.offsets(this.#prefix + name, "next");
          break;
        } catch (error) {
          if (clock.now() > deadline) throw away(`create topic "${name}"`, error);
          await clock.sleep(50);
          await this.#cluster.refresh().catch(() => {
            // The next round tells.
          });
        }
      }
      this.#topics.set(name, Promise.resolve());
    }
  }

  async #createAll(topics: readonly { name: string; partitions: number }[]): Promise<void> {
    try {
      const controller = await this.#cluster.controller();
      await controller.createTopics({
        topics: topics.map(({ name, partitions }) => ({
          topic: this.#prefix + name,
          numPartitions: partitions,
          replicationFactor: -1, // What the broker is set to.
        })),
        timeout: create_ms,
      });
    } catch (error) {
      const { errors = [] } = error as { errors?: { type?: string; topic?: string }[] };
      const refused = errors.filter(({ type }) => type !== "TOPIC_ALREADY_EXISTS");
      if (errors.length > 0 && refused.length === 0) return;
      if (errors.length === 0 && !/AUTHORIZATION|POLICY/.test(errorType(error))) {
        throw away("create topics", error);
      }
      const reasons = refused.map(({ type }) => type ?? errorType(error));
      throw this.#refused(
        "create",
        topics,
        reasons.length > 0 ? reasons : [errorType(error)],
        error,
      );
    }
  }

  /** What to tell those who run the cluster: it lets us use topics, but not make them. */
  #refused(
    verb: string,
    topics: readonly { name: string; partitions: number }[],
    reasons: readonly string[],
    cause: unknown,
  ): Error {
    const wanted = topics.map(({ name, partitions }) =>
      `${this.#prefix}${name} (${partitions} partition${partitions === 1 ? "" : "s"})`
    );
    return new Error(
      `Cannot ${verb} topics as the broker refuses it (${
        [...new Set(reasons)].join(", ")
      }); create by hand those of them that are missing, and let this user describe, read and write them: current value is "${
        wanted.join(", ")
      }"`,
      { cause },
    );
  }

  async #exists(topic: string): Promise<boolean> {
    let known = this.#topics.get(topic);
    if (!known) {
      known = this.#cluster.watch([this.#prefix + topic]);
      this.#topics.set(topic, known);
    }
    try {
      await known;
      return true;
    } catch (error) {
      if (this.#topics.get(topic) === known) this.#topics.delete(topic);
      if (errorType(error) === "UNKNOWN_TOPIC_OR_PARTITION") return false;
      throw away(`look up topic "${topic}"`, error);
    }
  }

  async #require(verb: string, topic: string): Promise<void> {
    if (this.#closed) throw new Unavailable(`Cannot ${verb} "${topic}" as the broker was closed`);
    if (await this.#exists(topic)) return;
    throw new Error(
      `Cannot ${verb} a topic as it must be created first: current value is "${topic}"`,
    );
  }

  async publish(messages: readonly Outgoing[]): Promise<void> {
    if (messages.length === 0) return;
    for (const topic of new Set(messages.map(({ topic }) => topic))) {
      await this.#require("publish to", topic);
    }
    await this.#publisher.publish(
      this.#prefix === ""
        ? messages
        : messages.map((message) => ({ ...message, topic: this.#prefix + message.topic })),
    );
  }

  async subscribe(subscription: SubscribeOptions, consumer: Consumer): Promise<Subscription> {
    const { group, topic, broadcast } = subscription;
    await this.#require("subscribe to", topic);
    const { clock, session_ms = 10_000 } = this.#options;
    // The user's `log.with` keeps each line's origin.
    const log = this.#options.log;
    const member = broadcast
      ? await listen({
        cluster: new Cluster(this.#options),
        topic: this.#prefix + topic,
        subscription,
        consumer,
        clock,
        log,
      })
      : new GroupMember({
        cluster: new Cluster(this.#options),
        groupId: this.#prefix + group,
        topic: this.#prefix + topic,
        session_ms,
        subscription,
        consumer,
        clock,
        log,
      });
    if (!broadcast) this.#groups.set(JSON.stringify([group, topic]), { group, topic });
    this.#members.add(member);
    return {
      stop: async () => {
        try {
          await member.stop();
        } finally {
          this.#members.delete(member);
        }
      },
    };
  }

  lag(): Promise<Lag[]> {
    const now = this.#options.clock.now();
    if (!this.#lag || now - this.#lag.at > lag_ms) {
      const rows = this.#lookUpLag();
      this.#lag = { at: now, rows };
      rows.catch(() => this.#lag = undefined);
    }
    return this.#lag.rows;
  }

  async #lookUpLag(): Promise<Lag[]> {
    try {
      const rows = await Promise.all([...this.#groups.values()].map(async ({ group, topic }) => {
        const name = this.#prefix + topic;
        const groupId = this.#prefix + group;
        await this.#cluster.watch([name]);
        const coordinator = await this.#cluster.coordinator(groupId);
        const [next, first, { responses }] = await Promise.all([
          this.#cluster.offsets(name, "next"),
          this.#cluster.offsets(name, "first"),
          coordinator.offsetFetch({
            groupId,
            topics: [{
              topic: name,
              partitions: this.#cluster.leaders(name).map((_, partition) => ({ partition })),
            }],
          }),
        ]);
        return (responses[0]?.partitions ?? []).map(({ partition, offset }) => ({
          group,
          topic,
          partition,
          lag: next[partition]! - Math.max(Number(offset), first[partition]!),
        }));
      }));
      return rows.flat();
    } catch (error) {
      throw away("look up the lag", error);
    }
  }

  async check(): Promise<void> {
    const checked = new AbortController();
    const late = this.#options.clock.sleep(check_ms, checked.signal).then(() => {
      if (!checked.signal.aborted) throw new Error(`No answer within ${check_ms} ms`);
    });
    try {
      await Promise.race([this.#writable(), late]);
    } catch (error) {
      throw away("write to Kafka", error);
    } finally {
      checked.abort();
    }
  }

  async #writable(): Promise<void> {
    if (this.#closed) throw new Error("It was closed");
    await this.#cluster.refresh();
    for (const topic of this.#topics.keys()) {
      if (this.#cluster.leaders(this.#prefix + topic).some((leader) => leader < 0)) {
        throw new Error(`A partition of "${topic}" has no leader`);
      }
    }
  }

  /** Kafka drops what is past its retention by itself. */
  async maintain(): Promise<void> {}

  /** Leaves the groups; work in flight that takes long is not committed and comes again. */
  async close(): Promise<void> {
    await this.#end((member) => member.stop(close_ms));
  }

  async cut(): Promise<void> {
    await this.#end((member) => member.cut());
  }

  async #end(end: (member: { stop(ms?: number): Promise<void>; cut(): Promise<void> }) => unknown) {
    if (this.#closed) return;
    this.#closed = true;
    this.#publisher.close();
    const ended = await Promise.allSettled([...this.#members].map(end));
    await this.#cluster.close();
    for (const one of ended) if (one.status === "rejected") throw one.reason;
  }
}

/** How often it is looked whether a topic has more partitions. */
const growth_ms = 1_000;

/** Every message from now on, for one process, outside of any group: nothing is left behind. */
async function listen(options: {
  cluster: Cluster;
  topic: string;
  subscription: SubscribeOptions;
  consumer: Consumer;
  clock: Clock;
  log: Log;
}) {
  const { cluster, topic, subscription, consumer, clock, log } = options;
  let next: number[];
  try {
    await cluster.watch([topic]);
    next = await cluster.offsets(topic, "next");
  } catch (error) {
    await cluster.close();
    throw away(`subscribe to "${subscription.topic}"`, error);
  }
  const fetcher = new Fetcher({ ...options, name: subscription.topic });
  const release = new AbortController();
  const errors: unknown[] = [];
  let cut = false;
  const served = next.map(read);
  const growing = grow();

  function read(offset: number, partition: number): Promise<unknown> {
    return serve({
      partition,
      committed: offset,
      consumer,
      options: subscription,
      fetcher,
      clock,
      signal: release.signal,
      fenced: () => cut,
      done() {},
      flushed: () => Promise.resolve(),
    }).catch((error) => errors.push(error));
  }

  /** What is in a new partition was published since: it is read from its beginning. */
  async function grow(): Promise<void> {
    for (;;) {
      await clock.sleep(growth_ms, release.signal);
      if (release.signal.aborted) return;
      try {
        await cluster.watch([topic]);
        for (let known = served.length; known < cluster.leaders(topic).length; known++) {
          served.push(read(0, known));
        }
      } catch (error) {
        log.debug("No broker answers", { topic: subscription.topic, error });
      }
    }
  }

  const end = async () => {
    const closed = fetcher.close();
    await cluster.close();
    await closed;
    await growing;
  };
  return {
    async stop(limit_ms = Infinity) {
      release.abort();
      const ended = new AbortController();
      await Promise.race([Promise.all(served), clock.sleep(limit_ms, ended.signal)]);
      ended.abort();
      cut = true;
      await end();
      if (errors.length > 0) throw errors.shift();
    },
    async cut() {
      cut = true;
      release.abort();
      await end();
    },
  };
}

/** What no waiting helps against: somebody has to change the configuration, here or there. */
const misconfigured = /AUTHORIZATION|INVALID_TOPIC|SASL/;

function away(what: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (misconfigured.test(errorType(cause))) {
    return new Error(`Cannot ${what} as Kafka refuses it: current value is "${reason}"`, { cause });
  }
  return new Unavailable(`Cannot ${what} as no broker does it: current value is "${reason}"`, {
    cause,
  });
}

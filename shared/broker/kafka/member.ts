/**
 * A member of a consumer group: joins, serves the partitions it is given, commits what is done, and
 * gives all of them up before it takes part in a rebalance. Work in flight ends first; what ends
 * too late is not committed and comes again elsewhere.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { Log } from "shared/telemetry/log.ts";
import type { Clock } from "shared/time/clock.ts";
import type { Consumer, SubscribeOptions } from "../port.ts";
import { type Cluster, errorType, MemberAssignment, MemberMetadata, type Node } from "./client.ts";
import { Fetcher } from "./fetcher.ts";
import { serve } from "./partition.ts";

/** How often a member says that it is there, which is also when it hears of a rebalance. */
const heartbeat_ms = 500;
/** How long a rebalance waits for a member; work in flight has a little less. */
const rebalance_ms = 30_000;
const drain_ms = 25_000;
/** How long a stop waits for a rebalance that is under way, and for a commit. */
const patience_ms = 2_000;
/** Commits of one member are at least so far apart. */
const commit_ms = 20;
/** The pauses after a failed request double from the first to the longest. */
const firstPause_ms = 50;
const longestPause_ms = 1_000;
/** Members of other makes are not expected in our groups. */
const protocol = "eventflow-round-robin";

/** The group no longer knows this member, or has gone on without it. */
const fencing = ["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION", "FENCED_INSTANCE_ID"];

export interface MemberOptions {
  readonly cluster: Cluster;
  /** Group and topic as the cluster knows them. */
  readonly groupId: string;
  readonly topic: string;
  /** After so long without a sign of life the others take over its partitions. */
  readonly session_ms: number;
  readonly subscription: SubscribeOptions;
  readonly consumer: Consumer;
  readonly clock: Clock;
  readonly log: Log;
}

/** From one rebalance to the next. */
interface Session {
  readonly generationId: number;
  coordinator: Node;
  readonly leads: boolean;
  /** Partitions that the topic had when they were shared out. */
  readonly partitions: number;
  readonly mine: readonly number[];
  /** When the group last heard of us, epoch milliseconds. */
  heardAt: number;
  /** Done and not yet committed: the next offset, by partition. */
  readonly done: Map<number, number>;
  committing: Promise<void> | undefined;
  /** Aborted when the partitions must be given up. */
  readonly release: AbortController;
  /** Aborted when others may have the partitions: nothing may be committed any more. */
  readonly lost: AbortController;
  /** Aborted when it is over. */
  readonly over: AbortController;
}

export class GroupMember {
  readonly #options: MemberOptions;
  readonly #fetcher: Fetcher;
  readonly #stopping = new AbortController();
  /** Aborted when whoever stops it waits no more. */
  readonly #hurry = new AbortController();
  #memberId = "";
  #session: Session | undefined;
  /** The partitions that are served, with those of sessions that ended without them. */
  readonly #served = new Map<number, Promise<void>>();
  readonly #errors: unknown[] = [];
  readonly #running: Promise<void>;
  #stopped: Promise<void> | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#fetcher = new Fetcher({ ...options, name: options.subscription.topic });
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { clock, log, subscription: { group, topic } } = this.#options;
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      try {
        this.#session = await this.#join();
        failures = 0;
        await this.#live(this.#session);
      } catch (error) {
        if (errorType(error) === "UNKNOWN_MEMBER_ID") this.#memberId = "";
        if (errorType(error) === "KafkaJSRequestTimeoutError") this.#options.cluster.cut();
        if (this.#stopping.signal.aborted) break;
        log.debug("Joining is tried again", { group, topic, error });
        // Only somebody who grants it helps against that: it must be seen.
        if (failures === 0 && await this.#isForbidden(error)) {
          log.error("Cannot join a group as Kafka refuses it", { group, topic });
        }
        await this.#pause(failures++);
      }
      this.#session = undefined;
    }
    if (!this.#memberId) return;
    try {
      const { cluster, groupId } = this.#options;
      const coordinator = await cluster.coordinator(groupId);
      await within(
        clock,
        patience_ms,
        coordinator.leaveGroup({ groupId, memberId: this.#memberId }),
      );
    } catch (error) {
      log.debug("The group learns from silence that a member left", { group, topic, error });
    }
  }

  async #isForbidden(error: unknown): Promise<boolean> {
    const { cluster, groupId } = this.#options;
    return errorType(error) === "GROUP_AUTHORIZATION_FAILED" ||
      errorType(error) === "KafkaJSGroupCoordinatorNotFound" && await cluster.isForbidden(groupId);
  }

  async #join(): Promise<Session> {
    const { cluster, groupId, topic, session_ms, clock } = this.#options;
    await cluster.watch([topic]);
    const coordinator = await cluster.coordinator(groupId);
    const metadata = MemberMetadata.encode({ version: 0, topics: [topic], userData: empty });
    const joined = await coordinator.joinGroup({
      groupId,
      memberId: this.#memberId,
      sessionTimeout: session_ms,
      rebalanceTimeout: rebalance_ms,
      groupProtocols: [{ name: protocol, metadata }],
    });
    const { generationId, memberId } = joined;
    this.#memberId = memberId;
    const leads = memberId === joined.leaderId;
    const { memberAssignment } = await coordinator.syncGroup({
      groupId,
      generationId,
      memberId,
      groupAssignment: leads ? await this.#share(joined.members) : [],
    });
    const mine = MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? [];
    return {
      generationId,
      coordinator,
      leads,
      partitions: cluster.leaders(topic).length,
      mine,
      heardAt: clock.now(),
      done: new Map(),
      committing: undefined,
      release: new AbortController(),
      lost: new AbortController(),
      over: new AbortController(),
    };
  }

  /** Shares the partitions of each topic among the members that read it, in turn. */
  async #share(members: readonly { memberId: string; memberMetadata: Buffer }[]) {
    const { cluster } = this.#options;
    const readers = new Map<string, string[]>();
    for (const { memberId, memberMetadata } of members) {
      for (const topic of MemberMetadata.decode(memberMetadata)?.topics ?? []) {
        readers.set(topic, [...readers.get(topic) ?? [], memberId].toSorted());
      }
    }
    await cluster.watch([...readers.keys()]);
    const shares = new Map<string, Record<string, number[]>>(
      members.map(({ memberId }) => [memberId, {}]),
    );
    for (const [topic, ids] of readers) {
      cluster.leaders(topic).forEach((_, partition) => {
        const share = shares.get(ids[partition % ids.length]!)!;
        (share[topic] ??= []).push(partition);
      });
    }
    return [...shares].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({ version: 0, assignment, userData: empty }),
    }));
  }

  /** Serves what was given, until it is wanted back. */
  async #live(session: Session): Promise<void> {
    const { clock, log, subscription: { group, topic } } = this.#options;
    const release = () => session.release.abort();
    this.#stopping.signal.addEventListener("abort", release, { once: true });
    if (this.#stopping.signal.aborted) release();
    const beating = this.#beat(session);
    try {
      const committed = await this.#committed(session);
      const served = session.mine.map((partition) => {
        const one = this.#serve(
          session,
          partition,
          committed[partition]!,
          this.#served.get(partition),
        );
        this.#served.set(partition, one);
        return one;
      });
      await aborted(session.release.signal);
      const ended = Promise.all(served);
      // A stop waits for as long as it takes; a rebalance does not wait for us for ever.
      const limit_ms = this.#stopping.signal.aborted ? Infinity : drain_ms;
      await Promise.race([
        within(clock, limit_ms, ended),
        aborted(session.lost.signal),
      ]).catch((error) => {
        log.warn("Work in flight was not done in time for a rebalance, and is done again", {
          group,
          topic,
          error,
        });
      });
    } finally {
      session.release.abort();
      session.lost.abort();
      session.over.abort();
      this.#stopping.signal.removeEventListener("abort", release);
      await beating;
    }
  }

  async #serve(
    session: Session,
    partition: number,
    committed: number,
    before: Promise<void> | undefined,
  ): Promise<void> {
    const { consumer, subscription, clock } = this.#options;
    // Calls for one partition never overlap, not even with one that was given up on.
    await before;
    if (session.release.signal.aborted) return;
    try {
      await serve({
        partition,
        committed,
        consumer,
        options: subscription,
        fetcher: this.#fetcher,
        clock,
        signal: session.release.signal,
        fenced: () => session.lost.signal.aborted,
        done: (partition, next) => {
          session.done.set(partition, next);
          session.committing ??= this.#commit(session);
        },
        flushed: async () => await session.committing,
      });
    } catch (error) {
      this.#errors.push(error);
    }
  }

  /** Where the group stands, by partition; new ones begin at the oldest message. */
  async #committed(session: Session): Promise<number[]> {
    const { cluster, groupId, topic, clock } = this.#options;
    for (let failures = 0;; failures++) {
      try {
        if (session.mine.length === 0) return [];
        const partitions = session.mine.map((partition) => ({ partition }));
        const { responses } = await session.coordinator.offsetFetch({
          groupId,
          topics: [{ topic, partitions }],
        });
        const committed: number[] = [];
        for (const { partition, offset } of responses[0]?.partitions ?? []) {
          committed[partition] = Number(offset);
        }
        if (session.mine.every((partition) => committed[partition]! >= 0)) return committed;
        const first = await cluster.offsets(topic, "first");
        for (const partition of session.mine) {
          if (!(committed[partition]! >= 0)) committed[partition] = first[partition]!;
        }
        return committed;
      } catch (error) {
        if (session.release.signal.aborted) throw error;
        await this.#pause(failures, session.release.signal);
        if (session.release.signal.aborted) throw error;
        await this.#findCoordinator(session);
        if (clock.now() - session.heardAt > this.#options.session_ms) throw error;
      }
    }
  }

  /** Says that we are there until the session is over, also while it ends. */
  async #beat(session: Session): Promise<void> {
    const { cluster, groupId, topic, clock, session_ms, log, subscription } = this.#options;
    while (true) {
      await clock.sleep(heartbeat_ms, session.over.signal);
      if (session.over.signal.aborted) return;
      try {
        await session.coordinator.heartbeat({
          groupId,
          memberId: this.#memberId,
          groupGenerationId: session.generationId,
        });
        session.heardAt = clock.now();
        if (session.leads) {
          await cluster.watch([topic]);
          if (cluster.leaders(topic).length !== session.partitions) session.release.abort();
        }
      } catch (error) {
        if (session.over.signal.aborted) return;
        if (errorType(error) === "REBALANCE_IN_PROGRESS") {
          session.heardAt = clock.now();
          session.release.abort();
          continue;
        }
        const fenced = fencing.includes(errorType(error));
        if (errorType(error) === "UNKNOWN_MEMBER_ID") this.#memberId = "";
        if (fenced || clock.now() - session.heardAt > session_ms) {
          log.debug("The group went on without this member", { ...subscription, error });
          session.lost.abort();
          session.release.abort();
          return;
        }
        if (errorType(error) === "KafkaJSRequestTimeoutError") cluster.cut();
        await this.#findCoordinator(session);
      }
    }
  }

  async #findCoordinator(session: Session): Promise<void> {
    const { cluster, groupId, log } = this.#options;
    try {
      await cluster.refresh();
      session.coordinator = await cluster.coordinator(groupId);
    } catch (error) {
      log.debug("No broker answers", { group: groupId, error });
    }
  }

  /** Commits until nothing is left to commit; never rejects. */
  async #commit(session: Session): Promise<void> {
    const { groupId, topic, clock } = this.#options;
    const { release, lost } = session;
    let releasedAt: number | undefined;
    let failures = 0;
    try {
      while (session.done.size > 0 && !lost.signal.aborted) {
        const done = [...session.done];
        try {
          await session.coordinator.offsetCommit({
            groupId,
            memberId: this.#memberId,
            groupGenerationId: session.generationId,
            topics: [{
              topic,
              partitions: done.map(([partition, next]) => ({ partition, offset: String(next) })),
            }],
          });
          failures = 0;
          for (const [partition, next] of done) {
            if (session.done.get(partition) === next) session.done.delete(partition);
          }
          await clock.sleep(commit_ms, release.signal);
        } catch (error) {
          // Not committed: it comes again, which is what at least once means.
          if (fencing.includes(errorType(error))) lost.abort();
          if (fencing.includes(errorType(error)) || errorType(error) === "REBALANCE_IN_PROGRESS") {
            release.abort();
            return;
          }
          if (release.signal.aborted) releasedAt ??= clock.now();
          if (releasedAt !== undefined && clock.now() - releasedAt > patience_ms) return;
          await this.#pause(failures++, lost.signal);
          await this.#findCoordinator(session);
        }
      }
    } finally {
      // At once: what is done from here on needs a commit of its own.
      session.committing = undefined;
    }
  }

  #pause(failures: number, signal = this.#stopping.signal): Promise<void> {
    const pause_ms = Math.min(longestPause_ms, firstPause_ms * 2 ** Math.min(failures, 10));
    return this.#options.clock.sleep(pause_ms, signal);
  }

  /**
   * Gives its partitions up and leaves the group. Of several calls the one with the least time left
   * decides how long that may take.
   *
   * @throws what `revoked` threw
   */
  async stop(limit_ms = Infinity): Promise<void> {
    const { clock } = this.#options;
    const ended = new AbortController();
    const limit = clock.sleep(limit_ms, ended.signal).then(() => {
      if (!ended.signal.aborted) this.#hurry.abort();
    });
    try {
      await (this.#stopped ??= this.#stop());
    } finally {
      ended.abort();
      await limit;
    }
  }

  async #stop(): Promise<void> {
    const { clock } = this.#options;
    this.#stopping.abort();
    // Joining ends when the others have joined too, which may take long.
    const wait_ms = this.#session ? Infinity : patience_ms;
    const hurried = aborted(this.#hurry.signal).then(() => {
      throw new Error("Whoever stops it waits no more");
    });
    const late = await within(clock, wait_ms, Promise.race([this.#running, hurried]))
      .then(() => false, () => true);
    await this.#end();
    if (!late) await Promise.all(this.#served.values());
    if (this.#errors.length > 0) throw this.#errors.shift();
  }

  /** Ends at once, with no goodbye to the group and nothing more committed. */
  async cut(): Promise<void> {
    this.#stopping.abort();
    this.#memberId = "";
    await this.#end();
    this.#stopped ??= Promise.resolve();
  }

  async #end(): Promise<void> {
    const session = this.#session;
    session?.lost.abort();
    session?.release.abort();
    const fetched = this.#fetcher.close();
    await this.#options.cluster.close();
    await fetched;
    await this.#running;
    await session?.committing;
  }
}

/** No data of our own goes with the shares. */
const empty = Buffer.alloc(0);

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Waits for work for at most so long. @throws when it takes longer */
async function within<T>(clock: Clock, limit_ms: number, work: Promise<T>): Promise<T> {
  const ended = new AbortController();
  const late = clock.sleep(limit_ms, ended.signal).then(() => {
    if (!ended.signal.aborted) throw new Error(`Not done within ${limit_ms} ms`);
    return new Promise<never>(() => {});
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    ended.abort();
  }
}

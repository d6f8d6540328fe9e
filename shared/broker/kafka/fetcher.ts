/**
 * Reading ahead: asks the leaders for what partitions have room for, a request for each leader at a
 * time. A partition that is worked on for long is left out and holds up no other.
 *
 * @module
 */
import type { Log } from "shared/telemetry/log.ts";
import type { Clock } from "shared/time/clock.ts";
import type { Incoming } from "../port.ts";
import { type Cluster, errorType, readCommitted } from "./client.ts";
import { type FetchedPartition, recordsFrom } from "./fetched.ts";

/** How long a broker may hold a request that finds nothing; a partition that is new waits as long. */
const wait_ms = 500;
/** The same while a partition that is full waits for its turn. */
const shortWait_ms = 10;
/**
 * Most of one partition, and of one answer; compressed, so in memory it is many times as much. A
 * larger message comes all the same.
 */
const partition_bytes = 64 * 1024;
const answer_bytes = 1024 * 1024;
/** A partition with so many characters in memory is asked for no more. */
const full_chars = 512 * 1024;
const fullRecords = 4_000;
/** The pauses after a failed request double from the first to the longest. */
const firstPause_ms = 50;
const longestPause_ms = 1_000;

/** A partition as it is read; what was read waits in `records`. */
export interface Slot {
  readonly partition: number;
  /** The next offset to ask for; undefined while it is not known. */
  position: number | undefined;
  /** Where the group stands. */
  committed: number;
  records: Incoming[];
  chars: number;
  /** When a leader last said that there is nothing more, epoch milliseconds. */
  emptyAt: number;
  /** Called when records came. */
  wake: () => void;
}

export interface FetcherOptions {
  readonly cluster: Cluster;
  /** As the cluster knows it. */
  readonly topic: string;
  /** As its users know it. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
}

export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #slots = new Set<Slot>();
  /** The leaders that are asked now. */
  readonly #asked = new Map<number, Promise<void>>();
  /** While set, a failure is waited out. */
  #recovering: Promise<void> | undefined;
  #failures = 0;
  readonly #closed = new AbortController();

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  add(slot: Slot): void {
    this.#slots.add(slot);
    this.pump();
  }

  /** What is on its way for the partition is dropped. */
  remove(slot: Slot): void {
    this.#slots.delete(slot);
  }

  /** Drops what was read and goes on from an offset. */
  seek(slot: Slot, offset: number): void {
    slot.records = [];
    slot.chars = 0;
    slot.position = offset;
    slot.emptyAt = 0;
    this.pump();
  }

  /** Asks for what there is room for; called whenever there may be more of it. */
  pump(): void {
    if (this.#recovering || this.#closed.signal.aborted) return;
    const leaders = this.#leaders();
    const wanted = new Map<number, Slot[]>();
    let full = false;
    for (const slot of this.#slots) {
      const leader = leaders[slot.partition] ?? -1;
      if (slot.position === undefined || this.#asked.has(leader)) continue;
      if (slot.chars >= full_chars || slot.records.length >= fullRecords) full = true;
      else if (leader < 0) this.#recover(new Error("A partition has no leader"));
      else if (wanted.has(leader)) wanted.get(leader)!.push(slot);
      else wanted.set(leader, [slot]);
    }
    if (this.#recovering) return;
    for (const [leader, slots] of wanted) {
      this.#asked.set(
        leader,
        this.#ask(leader, slots, full ? shortWait_ms : wait_ms).catch((error) =>
          this.#recover(error)
        ).finally(() => {
          this.#asked.delete(leader);
          this.pump();
        }),
      );
    }
  }

  /** None while the cluster is not known. */
  #leaders(): number[] {
    try {
      return this.#options.cluster.leaders(this.#options.topic);
    } catch {
      return [];
    }
  }

  async #ask(leader: number, slots: readonly Slot[], maxWaitTime: number): Promise<void> {
    const { cluster, topic, clock } = this.#options;
    const from = new Map(slots.map((slot) => [slot.partition, { slot, offset: slot.position! }]));
    const node = await cluster.node(leader);
    const { responses } = await node.fetch({
      maxWaitTime,
      minBytes: 1,
      maxBytes: answer_bytes,
      isolationLevel: readCommitted,
      topics: [{
        topic,
        partitions: [...from].map(([partition, { offset }]) => ({
          partition,
          fetchOffset: String(offset),
          maxBytes: partition_bytes,
        })),
      }],
    });
    this.#failures = 0;
    for (const { partitions } of responses) {
      for (const fetched of partitions) {
        const { slot, offset } = from.get(fetched.partition)!;
        // Sought or given up meanwhile.
        if (!this.#slots.has(slot) || slot.position !== offset) continue;
        this.#take(slot, offset, fetched, clock.now());
      }
    }
  }

  #take(slot: Slot, offset: number, fetched: FetchedPartition, now: number) {
    const { records, next } = recordsFrom(this.#options.topic, offset, fetched);
    // A record that cannot be seen (taken back, or of the log itself) is passed all the same.
    if (next !== undefined) slot.position = Math.max(offset + 1, next);
    if (slot.position! >= Number(fetched.highWatermark)) slot.emptyAt = now;
    if (records.length === 0) return;
    for (const { offset, timestamp, key, value, headers } of records) {
      slot.records.push({
        topic: this.#options.name,
        partition: slot.partition,
        offset,
        published_at: timestamp,
        key,
        value,
        headers,
      });
      slot.chars += value.length;
    }
    slot.wake();
  }

  /** Waits a failure out, finds the leaders again, and goes on. */
  #recover(error: unknown) {
    if (this.#recovering || this.#closed.signal.aborted) return;
    this.#recovering = this.#recovered(error).finally(() => {
      this.#recovering = undefined;
      this.pump();
    });
  }

  async #recovered(error: unknown): Promise<void> {
    const { cluster, clock, log, topic } = this.#options;
    const first = this.#failures === 0;
    const pause_ms = Math.min(longestPause_ms, firstPause_ms * 2 ** Math.min(this.#failures++, 10));
    try {
      if (errorType(error) === "OFFSET_OUT_OF_RANGE") {
        const { partition } = error as { partition: number };
        const oldest = (await cluster.offsets(topic, "first"))[partition];
        for (const slot of this.#slots) {
          if (slot.partition !== partition || oldest === undefined) continue;
          log.warn("Reading goes on at the oldest message, as the one to read next was dropped", {
            topic: this.#options.name,
            partition,
            offset: slot.position,
            oldest,
          });
          slot.position = oldest;
          // A log that was begun anew: the group begins anew as well.
          slot.committed = Math.min(slot.committed, oldest);
        }
        return;
      }
      // What cannot be read now cannot be read later: nobody else would say so.
      const hopeless = error instanceof RangeError || errorType(error) === "KafkaJSNotImplemented";
      log[hopeless && first ? "error" : "debug"](
        hopeless
          ? "Cannot read a topic as its messages must be whole, and packed with gzip, zstd or not at all"
          : "Reading is tried again",
        { topic: this.#options.name, error },
      );
      if (errorType(error) === "KafkaJSRequestTimeoutError") cluster.cut();
      await clock.sleep(pause_ms, this.#closed.signal);
      await cluster.refresh();
    } catch (failure) {
      log.debug("No broker answers", { topic: this.#options.name, error: failure });
      await clock.sleep(pause_ms, this.#closed.signal);
    }
  }

  /** Ends; resolves when nothing is on its way. The cluster's connections must be closed first. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#slots.clear();
    await Promise.all([...this.#asked.values(), this.#recovering]);
  }
}

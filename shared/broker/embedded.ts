/**
 * The broker inside the process: topics in one SQLite file, groups coordinated in memory. What is
 * acknowledged survives a killed process; one process per directory. Waits only through the clock it
 * is given and through promises, so that it runs in virtual time.
 *
 * @module
 */
import { Unavailable } from "shared/define/errors.ts";
import { Database, fromText, type Statement, toText } from "shared/sqlite/database.ts";
import type { Clock } from "shared/time/clock.ts";
import { Log, logSchema, type Partition } from "./embedded/log.ts";
import type { Broker, Consumer, Lag, Outgoing, SubscribeOptions, Subscription } from "./port.ts";

export interface EmbeddedBrokerOptions {
  /** Holds `broker.db`; made if missing. `:memory:` keeps nothing. */
  readonly directory: string;
  readonly clock: Clock;
  /** What is kept of each partition: 7 days and 1 GiB when absent, read or not. */
  readonly retention?: { readonly age_ms?: number; readonly bytes?: number };
  /**
   * Most messages of a partition that a subscribed group may have before it; beyond, publishing is
   * refused. 200,000 when absent. Half of `retention.bytes` is refused as well, so that what was
   * acknowledged is never dropped unread for its size.
   */
  readonly maxLag?: number;
  /** Most bytes of the file; none when absent. */
  readonly limit_bytes?: number;
}

export interface EmbeddedBroker extends Broker {
  /**
   * True when nothing happens before time moves or somebody publishes: every subscription has read
   * all there is, or pauses after a failure.
   */
  idle(): boolean;
}

/** Kafka's defaults are 7 days and no limit of size; one machine's disk needs one. */
const defaultAge_ms = 7 * 86_400_000;
const defaultBytes = 1024 ** 3;
const defaultMaxLag = 200_000;
/** Milliseconds that publishers are told to wait for slow readers. */
const backPressure_ms = 1_000;
/** The pauses after a failed batch double from the first to the longest. */
const firstPause_ms = 100;
const longestPause_ms = 5_000;
/** How long readers may keep the event loop from everybody else. */
const turn_ms = 20;
const schema = `
  create table if not exists commits (
    "group" text not null, partition integer not null, next integer not null,
    total integer not null, primary key ("group", partition)
  ) without rowid;
  create table if not exists checks (id integer primary key, at integer not null);
  ${logSchema}
`;

/** A group, or one broadcast subscriber, on one topic. */
interface Group {
  readonly name: string;
  readonly topic: string;
  readonly durable: boolean;
  readonly slots: readonly Slot[];
  readonly members: Member[];
}

/** A group's place in a partition. */
interface Slot {
  readonly partition: Partition;
  readonly durable: boolean;
  committed: number;
  committedTotal: number;
  /** Who should have it now. */
  owner: Member | undefined;
  /** Aborted when the one who has it must give it up. */
  release: AbortController;
  running: boolean;
  /** Waits for a message or for the clock. */
  parked: boolean;
  /** When it last waited; epoch milliseconds. */
  turnBegan: number;
  /** Set while it waits for a message. */
  wake: (() => void) | undefined;
  /** Why the log could not be read here just now. */
  unreadable: unknown;
}

interface Member {
  readonly options: SubscribeOptions;
  readonly consumer: Consumer;
  /** The partitions it has not given up yet. */
  readonly serving: Set<Promise<void>>;
  /** What its `revoked` threw; told by `stop`. */
  readonly errors: unknown[];
}

/**
 * Opens the embedded broker.
 *
 * @throws when another process uses the directory
 * @example
 * ```ts
 * const broker = openEmbeddedBroker({ directory: ".data", clock: systemClock });
 * ```
 */
export function openEmbeddedBroker(options: EmbeddedBrokerOptions): EmbeddedBroker {
  return new SqliteBroker(options);
}

class SqliteBroker implements EmbeddedBroker {
  readonly #clock: Clock;
  readonly #age_ms: number;
  readonly #bytes: number;
  readonly #maxLag: number;
  readonly #db: Database;
  readonly #log: Log;
  /** Who reads a partition. */
  readonly #slots = new Map<Partition, Set<Slot>>();
  readonly #groups = new Map<string, Group>();
  readonly #broadcasts = new Set<Group>();
  /** Slots that run and are not parked. */
  #active = 0;
  #closed = false;

  readonly #saveCommit: Statement;

  constructor(options: EmbeddedBrokerOptions) {
    this.#clock = options.clock;
    this.#age_ms = options.retention?.age_ms ?? defaultAge_ms;
    this.#bytes = options.retention?.bytes ?? defaultBytes;
    this.#maxLag = options.maxLag ?? defaultMaxLag;
    this.#db = new Database({ ...options, file: "broker.db", schema }, {
      committed: () => this.#committed(),
      rolledBack: () => this.#log.forget(),
    });
    this.#log = new Log(this.#db, this.#clock);
    this.#saveCommit = this.#db.prepare("insert or replace into commits values (?, ?, ?, ?)");
    this.#load();
  }

  #load() {
    const byId = new Map(this.#log.partitions().map((partition) => [partition.id, partition]));
    const commits = this.#db.prepare('select "group", partition, next, total from commits').all();
    for (const [name, id, next, total] of commits as [string, number, number, number][]) {
      const partition = byId.get(id)!;
      const slot = this.#group(fromText(name), partition.topic).slots[partition.number]!;
      slot.committed = next;
      slot.committedTotal = total;
    }
  }

  async create(topics: readonly { name: string; partitions: number }[]): Promise<void> {
    await this.#log.create(topics);
  }

  async publish(messages: readonly Outgoing[]): Promise<void> {
    if (messages.length === 0) return;
    const partitions = messages.map((message) => this.#log.partitionOf(message));
    for (const partition of new Set(partitions)) this.#refuseIfBehind(partition);
    await this.#db.write(() => this.#log.append(messages, partitions));
  }

  #refuseIfBehind(partition: Partition) {
    for (const slot of this.#slotsOf(partition)) {
      if (!slot.durable || !slot.owner) continue;
      const count = partition.end - slot.committed;
      const bytes = partition.endTotal - slot.committedTotal;
      if (count < this.#maxLag && bytes * 2 < this.#bytes) continue;
      throw new Unavailable(
        `Cannot publish to "${partition.topic}" as its readers may be at most ${this.#maxLag} messages or ${
          this.#bytes / 2
        } bytes behind: current value is "${count} messages, ${bytes} bytes"`,
        { after: backPressure_ms },
      );
    }
  }

  #slotsOf(partition: Partition): Set<Slot> {
    let slots = this.#slots.get(partition);
    if (!slots) this.#slots.set(partition, slots = new Set());
    return slots;
  }

  #committed() {
    for (const partition of this.#log.publish()) {
      for (const slot of this.#slotsOf(partition)) this.#wake(slot);
    }
  }

  async subscribe(options: SubscribeOptions, consumer: Consumer): Promise<Subscription> {
    if (this.#closed) {
      throw new Unavailable(`Cannot subscribe to "${options.topic}" as the broker was closed`);
    }
    this.#log.topic("subscribe to", options.topic);
    const group = options.broadcast
      ? this.#newGroup(options.group, options.topic, false)
      : this.#group(options.group, options.topic);
    if (options.broadcast) this.#broadcasts.add(group);
    const member: Member = { options, consumer, serving: new Set(), errors: [] };
    group.members.push(member);
    this.#assign(group);
    return { stop: () => this.#leave(group, member) };
  }

  #group(name: string, topic: string): Group {
    const key = JSON.stringify([name, topic]);
    let group = this.#groups.get(key);
    if (!group) this.#groups.set(key, group = this.#newGroup(name, topic, true));
    return group;
  }

  #newGroup(name: string, topic: string, durable: boolean): Group {
    const slots = this.#log.topic("read", topic).map((partition) => {
      const slot: Slot = {
        partition,
        durable,
        committed: durable ? partition.start : partition.end,
        committedTotal: durable ? partition.startTotal : partition.endTotal,
        owner: undefined,
        release: new AbortController(),
        running: false,
        parked: false,
        turnBegan: 0,
        wake: undefined,
        unreadable: undefined,
      };
      this.#slotsOf(partition).add(slot);
      return slot;
    });
    return { name, topic, durable, slots, members: [] };
  }

  async #leave(group: Group, member: Member): Promise<void> {
    const place = group.members.indexOf(member);
    if (place >= 0) {
      group.members.splice(place, 1);
      this.#assign(group);
      if (this.#broadcasts.delete(group)) {
        for (const slot of group.slots) this.#slotsOf(slot.partition).delete(slot);
      }
    }
    await Promise.all(member.serving);
    if (member.errors.length > 0) throw member.errors.shift();
  }

  /** Shares the partitions among the members, in turn. */
  #assign(group: Group) {
    group.slots.forEach((slot, i) => {
      const owner = group.members[i % group.members.length];
      if (owner === slot.owner) return;
      slot.owner = owner;
      slot.release.abort();
      this.#wake(slot);
      if (!slot.running && owner) this.#run(slot, group.name);
    });
  }

  /** Hands a slot from owner to owner until nobody wants it. */
  async #run(slot: Slot, group: string): Promise<void> {
    slot.running = true;
    this.#active++;
    while (slot.owner) {
      const owner = slot.owner;
      slot.release = new AbortController();
      const served = this.#serve(slot, group, owner, slot.release.signal);
      owner.serving.add(served);
      await served;
      owner.serving.delete(served);
    }
    slot.running = false;
    this.#active--;
  }

  /** One owner's time with a partition; never rejects. */
  async #serve(slot: Slot, group: string, owner: Member, signal: AbortSignal): Promise<void> {
    const { partition } = slot;
    const { consumer, options } = owner;
    const { wake_ms } = options;
    let failures = 0;
    const pause = async () => {
      const pause_ms = Math.min(longestPause_ms, firstPause_ms * 2 ** Math.min(failures++, 10));
      await this.#parked(slot, () => this.#clock.sleep(pause_ms, signal));
    };
    slot.turnBegan = this.#clock.now();
    let position = slot.committed;
    let assigned = false;
    while (!assigned && !signal.aborted) {
      try {
        position = (await consumer.assigned?.(partition.number, slot.committed)) ?? slot.committed;
        assigned = true;
        failures = 0;
      } catch {
        await pause();
      }
    }
    while (!signal.aborted) {
      // Everything here may run in one turn of the event loop: the others must get theirs.
      if (this.#clock.now() - slot.turnBegan > turn_ms) {
        await this.#parked(slot, () => this.#clock.sleep(0));
        continue;
      }
      // The log may have been cut, or begun anew, since the position was noted.
      if (position < partition.start || position > partition.end) position = partition.start;
      if (slot.committed > partition.end) slot.committed = position;
      if (position === partition.end) {
        const quiet = await this.#waitForMore(slot, signal, wake_ms);
        if (!quiet || signal.aborted) continue;
        try {
          const result = await consumer.idle?.(partition.number, signal);
          failures = 0;
          if (result) position = result.seek;
        } catch {
          await pause();
        }
        continue;
      }
      try {
        const { records, total } = this.#read(slot, position, options.max);
        if (records.length === 0) {
          await undefined; // Housekeeping is about to move the start.
          continue;
        }
        const batch = { topic: partition.topic, partition: partition.number, records };
        const result = await consumer.batch(batch, signal);
        failures = 0;
        if (result) position = result.seek;
        else {
          position = records.at(-1)!.offset + 1;
          // What is read again after a seek back was done before: the group stays where it was.
          if (position > slot.committed) {
            await this.#commit(slot, group, position, total, signal);
          }
        }
      } catch {
        // The consumer has told whom it concerns; here it only means: again.
        await pause();
      }
    }
    if (!assigned || this.#closed) return;
    try {
      await consumer.revoked?.(partition.number);
    } catch (error) {
      owner.errors.push(error);
    }
  }

  #read(slot: Slot, position: number, max: number) {
    try {
      const read = this.#log.read(slot.partition, position, max);
      slot.unreadable = undefined;
      return read;
    } catch (error) {
      // No consumer hears of it, and it may be for ever: `check` tells.
      slot.unreadable = error;
      throw error;
    }
  }

  /** Notes the offset; tries for as long as the partition is ours, for the batch is done. */
  async #commit(slot: Slot, group: string, next: number, total: number, signal: AbortSignal) {
    for (let failures = 0;; failures++) {
      try {
        if (slot.durable) {
          const name = toText(group);
          await this.#db.write(() => this.#saveCommit.run(name, slot.partition.id, next, total));
        }
        slot.committed = next;
        slot.committedTotal = total;
        return;
      } catch {
        // Not noted: after a crash the batch comes again, which is what at least once means.
        if (signal.aborted) return;
        const pause_ms = Math.min(longestPause_ms, firstPause_ms * 2 ** Math.min(failures, 10));
        await this.#parked(slot, () => this.#clock.sleep(pause_ms, signal));
      }
    }
  }

  /** Waits for a message or the release; true when `wake_ms` passed first. */
  async #waitForMore(slot: Slot, signal: AbortSignal, wake_ms?: number): Promise<boolean> {
    if (wake_ms === undefined) {
      await this.#parked(slot, () => new Promise<void>((resolve) => slot.wake = resolve));
      return false;
    }
    const woken = new AbortController();
    slot.wake = () => woken.abort();
    await this.#parked(slot, () => this.#clock.sleep(wake_ms, woken.signal));
    slot.wake = undefined;
    return !woken.signal.aborted && !signal.aborted;
  }

  async #parked(slot: Slot, wait: () => Promise<void>): Promise<void> {
    const waited = wait();
    slot.parked = true;
    this.#active--;
    await waited;
    this.#unpark(slot);
    slot.turnBegan = this.#clock.now();
  }

  #unpark(slot: Slot) {
    if (!slot.parked) return;
    slot.parked = false;
    this.#active++;
  }

  /** Ends a wait for messages; pauses go on. */
  #wake(slot: Slot) {
    const { wake } = slot;
    if (!wake) return;
    slot.wake = undefined;
    // At once, not when the waiter gets its turn: it is no longer idle.
    this.#unpark(slot);
    wake();
  }

  idle(): boolean {
    return this.#active === 0 && !this.#db.busy;
  }

  async lag(): Promise<Lag[]> {
    return [...this.#groups.values()].flatMap(({ name, topic, slots }) =>
      slots.map(({ partition, committed }) => ({
        group: name,
        topic,
        partition: partition.number,
        lag: partition.end - Math.max(committed, partition.start),
      }))
    );
  }

  async check(): Promise<void> {
    for (const [{ topic, number }, slots] of this.#slots) {
      for (const { owner, unreadable } of slots) {
        if (!owner || unreadable === undefined) continue;
        throw new Unavailable(
          `Cannot read partition ${number} of "${topic}": ${
            unreadable instanceof Error ? unreadable.message : unreadable
          }`,
          { cause: unreadable },
        );
      }
    }
    const touch = this.#db.prepare("insert or replace into checks values (1, ?)");
    await this.#db.write(() => touch.run(this.#clock.now()));
  }

  async maintain(): Promise<void> {
    for (const partition of this.#log.partitions()) {
      while (await this.#drop(partition)) await this.#clock.sleep(0);
    }
  }

  /** Drops the oldest records that are past their retention; true when there may be more. */
  async #drop(partition: Partition): Promise<boolean> {
    const more = await this.#log.drop(partition, this.#clock.now() - this.#age_ms, this.#bytes);
    for (const slot of this.#slotsOf(partition)) {
      if (slot.committed >= partition.start) continue;
      slot.committed = partition.start;
      slot.committedTotal = partition.startTotal;
    }
    return more;
  }

  /** Closes at once; a batch that is still worked on is not committed and comes again. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const group of [...this.#groups.values(), ...this.#broadcasts]) {
      group.members.length = 0;
      this.#assign(group);
    }
    this.#db.close();
  }
}

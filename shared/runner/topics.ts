/**
 * Binds functions to topics: batches become calls, in order per key, and partitions keep their
 * state across restarts.
 *
 * @module
 */
import type { Batch, Consumer, Incoming, Subscription } from "shared/broker/port.ts";
import {
  Conflict,
  defineKind,
  type PartitionContext,
  type PartitionState,
  Retryable,
  type TopicTrigger,
} from "shared/define/mod.ts";
import { hash32 } from "shared/model/ids.ts";
import { type Change, put, remove } from "shared/store/port.ts";
import { startSpan } from "shared/telemetry/trace.ts";
import { parseDuration } from "shared/time/duration.ts";
import { type Call, eventId, newCall, type Site } from "./call.ts";
import { giveUp, runCall } from "./stack.ts";

/** Most records that one fetch takes where the function does not say. */
const defaultBatch = 500;
/** How often a partition's state is stored. A crash replays at most this much. */
const snapshot_ms = 10_000;

/** Subscribes a topic function. */
export function subscribe(site: Site, trigger: TopicTrigger): Promise<Subscription> {
  return site.world.broker.subscribe({
    group: site.fn.name,
    topic: trigger.topic.name,
    max: trigger.batch ?? defaultBatch,
    ...(trigger.broadcast ? { broadcast: true } : {}),
    ...(trigger.wake ? { wake_ms: parseDuration(trigger.wake) } : {}),
  }, trigger.state ? statefulConsumer(site, trigger.state) : plainConsumer(site, trigger));
}

function topicCall(
  site: Site,
  records: readonly Incoming[],
  signal: AbortSignal,
  extra: object = {},
): Call {
  const first = records[0];
  const parent = records.length === 1 ? first!.headers.traceparent : undefined;
  return newCall({
    site,
    records,
    cause: first ? eventId(first) : "",
    extra,
    span: startSpan(site.fn.name, { kind: "consumer", ...(parent ? { parent } : {}) }),
    signal,
  });
}

async function runAndEnd(call: Call): Promise<void> {
  try {
    await runCall(call);
    call.span.end();
  } catch (error) {
    call.span.end(error);
    throw error;
  }
}

function plainConsumer(site: Site, trigger: TopicTrigger): Consumer {
  return {
    async batch({ records }, signal) {
      if (trigger.batch !== undefined) return await runAndEnd(topicCall(site, records, signal));
      // One lane per key (by hash): a lane is serial, lanes run together.
      const lanes = new Map<number, Incoming[]>();
      for (const record of records) {
        const lane = hash32(record.key) % site.fn.concurrency;
        const members = lanes.get(lane);
        if (members) members.push(record);
        else lanes.set(lane, [record]);
      }
      const ended = await Promise.allSettled([...lanes.values()].map(async (lane) => {
        for (const record of lane) await runAndEnd(topicCall(site, [record], signal));
      }));
      // Not before every lane has ended: a batch that comes again must meet nobody.
      for (const end of ended) if (end.status === "rejected") throw end.reason;
    },
  };
}

/** A partition while it is assigned here. */
interface Assigned {
  state: unknown;
  /** The last offset that the state stands for. */
  offset: number | undefined;
  /** The version of the stored offset that the state goes back to; 0 when none is stored. */
  version: number;
  /** The state is not what its offset says, or not the latest that is stored: it must start over. */
  broken: boolean;
  /** Messages before this offset were handled in an earlier life. */
  replayUntil: number;
  snapshot_at: number;
  /** Parts to store with the next snapshot. */
  unsaved: Map<string, unknown>;
  /** After a failure: up to this offset records run one by one. */
  carefulUntil: number;
  /** Offsets that were given up. */
  skip: Set<number>;
}

/**
 * The stored offset is the fence of a partition's state: a snapshot is stored only over the one it
 * goes back to. A process that slept through the loss of its partition is refused, and starts over
 * from what the new owner stored; so is one that is refused its own snapshot, whose answer it never
 * got. Whoever stores, parts and offset are always of one state.
 */
function statefulConsumer(site: Site, definition: PartitionState<unknown>): Consumer {
  const { world } = site;
  const assigned = new Map<number, Assigned>();
  const kindOf = (partition: number) =>
    defineKind<unknown>({ name: `state-${definition.name}-${partition}`, writer: site.service });
  const offsets = defineKind<{ offset: number }>({ name: "state-offset", writer: site.service });
  const offsetKey = (partition: number) => `${definition.name}/${partition}`;

  async function load(partition: number): Promise<Assigned> {
    for (;;) {
      const state = definition.create();
      const meta = await world.store.get(offsets, offsetKey(partition));
      const page = 1_000;
      for (let offset = 0; meta; offset += page) {
        const parts = await world.store.list(kindOf(partition), { limit: page, offset });
        for (const part of parts) definition.restore(state, part.key, part.value);
        if (parts.length < page) break;
      }
      // Somebody who lost the partition may have stored in the middle of it: parts of two states.
      const version = meta?.version ?? 0;
      const after = await world.store.get(offsets, offsetKey(partition));
      if ((after?.version ?? 0) !== version) continue;
      return {
        state,
        offset: meta?.value.offset,
        version,
        broken: false,
        replayUntil: 0,
        snapshot_at: world.clock.now(),
        unsaved: new Map(),
        carefulUntil: -1,
        skip: new Set(),
      };
    }
  }

  /** @throws {Conflict} when somebody else has stored since; the state must then start over */
  async function snapshot(partition: number, one: Assigned): Promise<void> {
    if (one.broken) {
      throw new Conflict(`Cannot store the state of ${site.fn.name} as it must start over`);
    }
    one.snapshot_at = world.clock.now();
    for (const [key, part] of definition.dirty(one.state)) one.unsaved.set(key, part);
    if (one.offset === undefined) return;
    const kind = kindOf(partition);
    const changes: Change[] = [...one.unsaved].map(([key, part]) =>
      part === null ? remove(kind, key) : put(kind, key, part)
    );
    const { offset, version } = one;
    changes.push(put(offsets, offsetKey(partition), { offset }, { version }));
    try {
      await world.store.apply(changes);
    } catch (error) {
      if (error instanceof Conflict) {
        one.broken = true;
        world.log.debug(`State of ${site.fn.name} starts over`, { partition, error });
      }
      throw error;
    }
    one.version++;
    one.unsaved.clear();
    // What the state stands for is never read again.
    for (const given of one.skip) if (given <= offset) one.skip.delete(given);
  }

  /** A snapshot that fails now is no loss: the next one has it, and the log is still there. */
  async function snapshotIfDue(partition: number, one: Assigned): Promise<void> {
    if (world.clock.now() - one.snapshot_at < snapshot_ms) return;
    try {
      await snapshot(partition, one);
    } catch (error) {
      if (!(error instanceof Retryable)) throw error;
      world.log.debug(`Snapshot of ${site.fn.name} is late`, { partition, error });
    }
  }

  /** Puts what the store has in the place of a broken state. */
  function startOver(partition: number, one: Assigned, fresh: Assigned): Assigned {
    fresh.carefulUntil = one.carefulUntil;
    fresh.replayUntil = Math.max(one.replayUntil, (one.offset ?? -1) + 1);
    fresh.skip = one.skip;
    assigned.set(partition, fresh);
    return fresh;
  }

  async function call(partition: number, one: Assigned, records: Incoming[], signal: AbortSignal) {
    const over = new AbortController();
    const context: PartitionContext<unknown> = {
      state: one.state,
      partition,
      replaying: records.length > 0 && records[0]!.offset < one.replayUntil,
      async checkpoint() {
        try {
          await snapshot(partition, one);
        } catch (error) {
          // Trying again would go on with what was never stored: the call is over.
          over.abort();
          throw error;
        }
      },
    };
    const either = AbortSignal.any([signal, over.signal]);
    try {
      await runAndEnd(topicCall(site, records, either, context));
    } catch (error) {
      // The state may be half changed, or changed by what was never told.
      one.broken = true;
      throw error;
    }
    if (records.length > 0) one.offset = records.at(-1)!.offset;
  }

  /** Runs a batch. @throws when it did not run to its end; the state may be broken then */
  async function runBatch(one: Assigned, { partition, records }: Batch, signal: AbortSignal) {
    const first = records[0]!.offset;
    const last = records.at(-1)!.offset;
    if (one.version === 0) {
      // The first batch ever: noted before any offset is committed, since after a crash reading
      // must begin where the state does and not where the group stopped.
      one.offset = first - 1;
      await snapshot(partition, one);
    }
    const kept = records.filter((record) => !one.skip.has(record.offset));
    const known = kept.filter((record) => record.offset < one.replayUntil);
    const fresh = kept.slice(known.length);
    const steps = first <= one.carefulUntil
      ? kept.map((record) => [record])
      : [known, fresh].filter((step) => step.length > 0);
    for (const step of steps) {
      try {
        await call(partition, one, step, signal);
      } catch (error) {
        if (error instanceof Retryable || signal.aborted) throw error;
        one.carefulUntil = Math.max(one.carefulUntil, last);
        if (step.length === 1) {
          await giveUp(topicCall(site, step, signal), step[0], error);
          one.skip.add(step[0]!.offset);
        }
        throw error;
      }
    }
    one.offset = last;
    await snapshotIfDue(partition, one);
  }

  return {
    async assigned(partition, committed) {
      const one = await load(partition).catch((error) => {
        // The broker tries again without end, so nobody else would say why nothing is read.
        const level = error instanceof Retryable ? "warn" : "error";
        world.log[level](`Cannot load the state of ${site.fn.name}`, {
          service: site.service,
          function: site.fn.name,
          partition,
          error,
        });
        throw error;
      });
      one.replayUntil = committed;
      assigned.set(partition, one);
      return one.offset === undefined ? undefined : one.offset + 1;
    },
    async batch(batch: Batch, signal) {
      const { partition, records: [first] } = batch;
      let one = assigned.get(partition)!;
      if (one.broken) {
        one = startOver(partition, one, await load(partition));
        const seek = one.offset === undefined ? first!.offset : one.offset + 1;
        if (seek !== first!.offset) return { seek };
      }
      try {
        await runBatch(one, batch, signal);
      } catch (error) {
        // What the world is not ready for comes again after a pause, the rest at once.
        const notReady = error instanceof Retryable && !(error instanceof Conflict);
        if (notReady || !one.broken) throw error;
        return { seek: first!.offset };
      }
    },
    async idle(partition, signal) {
      let one = assigned.get(partition);
      if (!one) return;
      if (one.broken) {
        const { offset } = one;
        one = startOver(partition, one, await load(partition));
        if (one.offset !== undefined && one.offset !== offset) return { seek: one.offset + 1 };
      }
      try {
        await call(partition, one, [], signal);
      } catch {
        return; // The stack has reported it.
      }
      await snapshotIfDue(partition, one);
    },
    async revoked(partition) {
      const one = assigned.get(partition);
      assigned.delete(partition);
      if (!one || one.broken) return;
      try {
        await snapshot(partition, one);
      } catch (error) {
        // Whoever has stored since knows better.
        if (!(error instanceof Conflict)) throw error;
      }
    },
  };
}

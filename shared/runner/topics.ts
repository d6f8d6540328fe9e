/**
 * Binds functions to topics: batches become calls, in order per key, and partitions keep their
 * state across restarts.
 *
 * @module
 */
import type { Batch, Consumer, Incoming, Subscription } from "shared/broker/port.ts";
import {
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

function statefulConsumer(site: Site, definition: PartitionState<unknown>): Consumer {
  const { world } = site;
  const assigned = new Map<number, Assigned>();
  const kindOf = (partition: number) =>
    defineKind<unknown>({ name: `state-${definition.name}-${partition}`, writer: site.service });
  const offsets = defineKind<{ offset: number }>({ name: "state-offset", writer: site.service });
  const offsetKey = (partition: number) => `${definition.name}/${partition}`;

  async function load(partition: number): Promise<Assigned> {
    const state = definition.create();
    const meta = await world.store.get(offsets, offsetKey(partition));
    const page = 1_000;
    for (let offset = 0; meta; offset += page) {
      const parts = await world.store.list(kindOf(partition), { limit: page, offset });
      for (const part of parts) definition.restore(state, part.key, part.value);
      if (parts.length < page) break;
    }
    return {
      state,
      offset: meta?.value.offset,
      replayUntil: 0,
      snapshot_at: world.clock.now(),
      unsaved: new Map(),
      carefulUntil: -1,
      skip: new Set(),
    };
  }

  async function snapshot(partition: number, one: Assigned): Promise<void> {
    one.snapshot_at = world.clock.now();
    for (const [key, part] of definition.dirty(one.state)) one.unsaved.set(key, part);
    if (one.offset === undefined) return;
    const kind = kindOf(partition);
    const changes: Change[] = [...one.unsaved].map(([key, part]) =>
      part === null ? remove(kind, key) : put(kind, key, part)
    );
    changes.push(put(offsets, offsetKey(partition), { offset: one.offset }));
    await world.store.apply(changes);
    one.unsaved.clear();
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

  /** The state may be half changed: it starts over from the snapshot, more carefully. */
  async function startOver(partition: number, one: Assigned, until: number) {
    const fresh = await load(partition);
    fresh.carefulUntil = Math.max(one.carefulUntil, until);
    fresh.replayUntil = Math.max(one.replayUntil, (one.offset ?? -1) + 1);
    fresh.skip = one.skip;
    assigned.set(partition, fresh);
    return fresh;
  }

  async function call(partition: number, one: Assigned, records: Incoming[], signal: AbortSignal) {
    const context: PartitionContext<unknown> = {
      state: one.state,
      partition,
      replaying: records.length > 0 && records[0]!.offset < one.replayUntil,
      checkpoint: () => snapshot(partition, one),
    };
    await runAndEnd(topicCall(site, records, signal, context));
    if (records.length > 0) one.offset = records.at(-1)!.offset;
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
      const { partition } = batch;
      const one = assigned.get(partition)!;
      if (one.offset === undefined) {
        // The first batch ever: noted before any offset is committed, since after a crash reading
        // must begin where the state does and not where the group stopped.
        one.offset = batch.records[0]!.offset - 1;
        await snapshot(partition, one);
      }
      const records = batch.records.filter((record) => !one.skip.has(record.offset));
      const last = batch.records.at(-1)!.offset;
      const careful = batch.records[0]!.offset <= one.carefulUntil;
      const known = records.filter((record) => record.offset < one.replayUntil);
      const fresh = records.slice(known.length);
      const steps = careful
        ? records.map((record) => [record])
        : [known, fresh].filter((step) => step.length > 0);
      for (const step of steps) {
        try {
          await call(partition, one, step, signal);
        } catch (error) {
          if (error instanceof Retryable) throw error;
          if (step.length === 1) {
            await giveUp(topicCall(site, step, signal), step[0], error);
            one.skip.add(step[0]!.offset);
          }
          const again = await startOver(partition, one, last);
          return { seek: again.offset === undefined ? batch.records[0]!.offset : again.offset + 1 };
        }
      }
      one.offset = last;
      await snapshotIfDue(partition, one);
    },
    async idle(partition, signal) {
      const one = assigned.get(partition);
      if (!one) return;
      try {
        await call(partition, one, [], signal);
      } catch (error) {
        // The stack has reported it. The state may be half changed, so it starts over.
        if (!(error instanceof Retryable)) await startOver(partition, one, one.offset ?? -1);
        return;
      }
      await snapshotIfDue(partition, one);
    },
    async revoked(partition) {
      const one = assigned.get(partition);
      assigned.delete(partition);
      if (one) await snapshot(partition, one);
    },
  };
}

/**
 * Binds functions to due queues: one sleeper for the next due time, woken when something is due
 * sooner. Due times live in the store, so they survive restarts and are shared by replicas.
 *
 * @module
 */
import { type DueTrigger, type Queue, Retryable } from "shared/define/mod.ts";
import { hold, type Taken } from "shared/store/port.ts";
import { startSpan } from "shared/telemetry/trace.ts";
import { newCall, type Site } from "./call.ts";
import { runCall } from "./stack.ts";

/** After so long without a sign of life an item goes to another replica, whose clock may be off. */
const lease_ms = 15_000;
/** How often a replica gives that sign for all that it works on: two in a row may get lost. */
const renew_ms = 3_000;
/** Most items in flight at once, over all lanes. */
const maxInFlight = 512;
/** The wait after a failed look at the store. */
const pause_ms = 1_000;
/** The longest wait at a time: a clock that is set meanwhile is noticed, and so is a lost hint. */
const look_ms = 60_000;

/** An item that is worked on. */
interface Held {
  readonly item: Taken;
  /** Nobody else takes it before then, epoch milliseconds. */
  until: number;
  readonly lost: AbortController;
}

/** Runs due items until `stop` is aborted; resolves when what is in flight has ended. */
export async function runDues(
  site: Site,
  trigger: DueTrigger,
  stop: AbortSignal,
  abort: AbortSignal,
): Promise<void> {
  const { fn, world, metrics } = site;
  const { queue, perLane } = trigger;
  const inFlight = new Set<Promise<void>>();
  const held = new Set<Held>();
  const ended = new AbortController();
  const renewing = renew(site, queue, held, ended.signal);
  const lanes = new Map<string, number>();
  let woken = new AbortController();
  const wake = () => woken.abort();
  const unwatch = world.store.watch(queue.name, wake);
  stop.addEventListener("abort", wake, { once: true });

  const start = (item: Taken, until: number) => {
    // The answer was so long on its way that somebody else may have the item by now.
    if (until <= world.clock.now()) return;
    const one: Held = { item, until, lost: new AbortController() };
    held.add(one);
    lanes.set(item.lane, (lanes.get(item.lane) ?? 0) + 1);
    const signal = AbortSignal.any([abort, one.lost.signal]);
    const work = run(site, queue, item, signal, () => held.delete(one)).finally(() => {
      const left = lanes.get(item.lane)! - 1;
      if (left > 0) lanes.set(item.lane, left);
      else lanes.delete(item.lane);
      inFlight.delete(work);
      wake();
    });
    inFlight.add(work);
  };

  while (!stop.aborted) {
    woken = new AbortController();
    let until: number;
    try {
      const skip = [...lanes].filter(([, count]) => count >= perLane).map(([lane]) => lane);
      const now = world.clock.now();
      const taken = inFlight.size < maxInFlight
        ? await world.store.take(queue, { now, limit: perLane, lease_ms, skip })
        : [];
      for (const item of taken) {
        metrics.observe("queue_delay_seconds", { queue: queue.name }, (now - item.at) / 1000);
        start(item, now + lease_ms);
      }
      metrics.set("queue_in_flight", { queue: queue.name }, inFlight.size);
      if (taken.length > 0) continue;
      until = inFlight.size < maxInFlight
        ? await world.store.next(queue, skip) ?? Infinity
        : Infinity;
    } catch (error) {
      if (!(error instanceof Retryable)) {
        world.log.error(`Cannot look into queue "${queue.name}"`, {
          service: site.service,
          function: fn.name,
          error,
        });
      }
      until = world.clock.now() + pause_ms;
    }
    const wait_ms = Math.min(Math.max(0, until - world.clock.now()), look_ms);
    await world.clock.sleep(wait_ms, woken.signal);
  }
  unwatch();
  await Promise.all(inFlight);
  ended.abort();
  await renewing;
}

/**
 * Keeps what is worked on from the other replicas for as long as this one lives; never rejects. What
 * cannot be kept is called off before its lease ends, so that no two work on it.
 */
async function renew(
  { fn, service, world }: Site,
  queue: Queue,
  held: ReadonlySet<Held>,
  ended: AbortSignal,
): Promise<void> {
  const keep = async (kept: readonly Held[], until: number) => {
    try {
      await world.store.apply(kept.map(({ item }) => hold(queue, item, until)));
      for (const one of kept) one.until = until;
    } catch (error) {
      world.log.debug(`Leases of ${fn.name} are not renewed`, { service, error });
    }
  };
  let renewals = Promise.resolve();
  for (;;) {
    await world.clock.sleep(renew_ms, ended);
    if (ended.aborted) return await renewals;
    const now = world.clock.now();
    const kept: Held[] = [];
    for (const one of held) {
      if (one.until <= now + renew_ms) one.lost.abort();
      else kept.push(one);
    }
    if (kept.length === 0) continue;
    // Not waited for: a store that does not answer must not delay the next look at the leases.
    const renewal = keep(kept, now + lease_ms);
    renewals = renewals.then(() => renewal);
  }
}

/** One item; never rejects: what is not done comes again when its lease ends, or sooner. */
async function run(
  site: Site,
  queue: Queue,
  item: Taken,
  signal: AbortSignal,
  release: () => void,
): Promise<void> {
  const { fn, world } = site;
  const span = startSpan(fn.name, { kind: "consumer" });
  try {
    await runCall(newCall({
      site,
      inputs: [{ id: item.id, at: item.at, attempt: item.attempt }],
      cause: `due/${item.id}/${item.at}`,
      taken: item,
      span,
      signal,
    }));
    span.end();
  } catch (error) {
    span.end(error);
    if (!(error instanceof Retryable)) return;
    // First: a renewal that came after this would hold the item for longer.
    release();
    const at = world.clock.now() + (error.after ?? pause_ms);
    try {
      await world.store.apply([hold(queue, item, at)]);
    } catch (cause) {
      world.log.debug(`Item waits for its lease to end`, { service: site.service, cause });
    }
  } finally {
    release();
  }
}

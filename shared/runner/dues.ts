/**
 * Binds functions to due queues: one sleeper for the next due time, woken when something is due
 * sooner. Due times live in the store, so they survive restarts and are shared by replicas.
 *
 * @module
 */
import { type DueTrigger, Retryable } from "shared/define/mod.ts";
import type { Taken } from "shared/store/port.ts";
import { startSpan } from "shared/telemetry/trace.ts";
import { newCall, type Site } from "./call.ts";
import { runCall } from "./stack.ts";

/** Longer than a call may take; after that a replica that died is replaced. */
const lease_ms = 90_000;
/** Most items in flight at once, over all lanes. */
const maxInFlight = 512;
/** The wait after a failed look at the store. */
const pause_ms = 1_000;

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
  const lanes = new Map<string, number>();
  let woken = new AbortController();
  const wake = () => woken.abort();
  const unwatch = world.store.watch(queue.name, wake);
  stop.addEventListener("abort", wake, { once: true });

  const start = (item: Taken) => {
    lanes.set(item.lane, (lanes.get(item.lane) ?? 0) + 1);
    const work = run(site, item, abort).finally(() => {
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
        start(item);
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
    await world.clock.sleep(Math.max(0, until - world.clock.now()), woken.signal);
  }
  unwatch();
  await Promise.all(inFlight);
}

/** One item; never rejects: what is not done comes again when its lease ends, or sooner. */
async function run(site: Site, item: Taken, signal: AbortSignal): Promise<void> {
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
    if (!(error instanceof Retryable) || fn.on.kind !== "due") return;
    const at = world.clock.now() + (error.after ?? pause_ms);
    try {
      await world.store.apply([
        { do: "schedule", queue: fn.on.queue.name, id: item.id, at, lane: item.lane },
      ]);
    } catch (cause) {
      world.log.debug(`Item waits for its lease to end`, { service: site.service, cause });
    }
  }
}

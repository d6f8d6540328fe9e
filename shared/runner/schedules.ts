/** Binds functions to schedules: every tick runs once in the whole fleet, never two at a time. @module */
import { Retryable, type ScheduleTrigger } from "shared/define/mod.ts";
import { nextMatch } from "shared/time/cron.ts";
import { parseDuration } from "shared/time/duration.ts";
import { startSpan } from "shared/telemetry/trace.ts";
import { newCall, type Site } from "./call.ts";
import { runCall } from "./stack.ts";

/** How long a tick stays taken: longer than clocks of a fleet differ. */
const taken_ms = 60_000;
/** The longest wait at a time: a clock that is set meanwhile is noticed. */
const look_ms = 60_000;

/** When a schedule ticks next, strictly after `after`; undefined when it never does again. */
export function nextTick(
  schedule: ScheduleTrigger["schedule"],
  after: number,
): number | undefined {
  if ("cron" in schedule) return nextMatch(schedule.cron, after);
  const interval = parseDuration(schedule.every);
  if (interval < 1_000) {
    throw new RangeError(
      `Cannot schedule a function as an interval is at least 1s: current value is "${schedule.every}"`,
    );
  }
  return (Math.floor(after / interval) + 1) * interval;
}

/** Ticks until the signal is aborted; resolves when the last call has ended. */
export async function runSchedule(
  site: Site,
  { schedule }: ScheduleTrigger,
  stop: AbortSignal,
  abort: AbortSignal,
): Promise<void> {
  const { fn, world, metrics } = site;
  let at = nextTick(schedule, world.clock.now());
  while (at !== undefined) {
    await world.clock.sleep(Math.min(at - world.clock.now(), look_ms), stop);
    if (stop.aborted) return;
    const woke = world.clock.now();
    if (woke < at) {
      // Sooner than that when the clock was set back; where it was not it is the same.
      at = nextTick(schedule, woke);
      continue;
    }
    await tick(site, at, abort);
    const now = world.clock.now();
    // A call that took longer than its interval: only the newest tick it ran over is made up for.
    let next = nextTick(schedule, at);
    let later = next === undefined ? undefined : nextTick(schedule, next);
    while (later !== undefined && later <= now) {
      metrics.add("schedule_ticks_skipped_total", { function: fn.name });
      next = later;
      later = nextTick(schedule, next);
    }
    at = next;
  }
}

async function tick(site: Site, at: number, signal: AbortSignal): Promise<void> {
  const { fn, world } = site;
  const cause = `tick/${fn.name}/${at}`;
  const span = startSpan(fn.name);
  try {
    if (!await world.store.once(cause, taken_ms)) return;
    await runCall(newCall({ site, inputs: [{ at }], cause, span, signal }));
    span.end();
  } catch (error) {
    span.end(error);
    // The next tick comes anyway. Bugs were logged by the stack; a world that is not ready is told
    // by /readyz and the counters.
    if (error instanceof Retryable) {
      world.log.debug(`Tick of ${fn.name} was lost`, { service: site.service, error });
    }
  }
}

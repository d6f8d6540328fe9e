/**
 * One partition while it is ours: assigned, batch after batch, revoked. Knows nothing of groups.
 *
 * @module
 */
import type { Clock } from "shared/time/clock.ts";
import type { Consumer, SubscribeOptions } from "../port.ts";
import type { Fetcher, Slot } from "./fetcher.ts";

/** The pauses after a failed batch double from the first to the longest. */
const firstPause_ms = 100;
const longestPause_ms = 5_000;
/** A leader's word that there is nothing more holds for so long. */
const empty_ms = 2_000;
/** A batch ends with the record that reaches this size. */
const batch_chars = 4 * 1024 * 1024;

export interface Serving {
  readonly partition: number;
  /** Where to begin when the consumer does not say. */
  readonly committed: number;
  readonly consumer: Consumer;
  readonly options: SubscribeOptions;
  readonly fetcher: Fetcher;
  readonly clock: Clock;
  /** Aborted when the partition is wanted back. */
  readonly signal: AbortSignal;
  /** True when somebody else may have the partition already: nothing of it may be noted. */
  fenced(): boolean;
  /** Notes that everything before `next` is done. */
  done(partition: number, next: number): void;
  /** Resolves when what was noted is committed, or cannot be. */
  flushed(): Promise<void>;
}

/** Serves a partition until it is wanted back. @throws what `revoked` throws */
export async function serve(serving: Serving): Promise<void> {
  const { partition, consumer, options, fetcher, clock, signal } = serving;
  let woken = new AbortController();
  const wake = () => woken.abort();
  const slot: Slot = {
    partition,
    position: undefined,
    committed: serving.committed,
    records: [],
    chars: 0,
    emptyAt: 0,
    wake,
  };
  signal.addEventListener("abort", wake, { once: true });
  let failures = 0;
  const pause = () =>
    clock.sleep(Math.min(longestPause_ms, firstPause_ms * 2 ** Math.min(failures++, 10)), signal);

  let assigned = false;
  while (!assigned && !signal.aborted) {
    try {
      slot.position = (await consumer.assigned?.(partition, serving.committed)) ??
        serving.committed;
      assigned = true;
      failures = 0;
    } catch {
      await pause();
    }
  }
  fetcher.add(slot);
  while (!signal.aborted) {
    if (slot.records.length === 0) {
      const quiet = await waitForMore();
      if (!quiet || signal.aborted || clock.now() - slot.emptyAt > empty_ms) continue;
      try {
        const result = await consumer.idle?.(partition, signal);
        failures = 0;
        if (result) fetcher.seek(slot, result.seek);
      } catch {
        await pause();
      }
      continue;
    }
    const count = batchSize(slot, options.max);
    const records = slot.records.slice(0, count);
    try {
      const result = await consumer.batch({ topic: options.topic, partition, records }, signal);
      failures = 0;
      if (result) fetcher.seek(slot, result.seek);
      else {
        slot.records.splice(0, count);
        for (const { value } of records) slot.chars -= value.length;
        const next = records.at(-1)!.offset + 1;
        // What is read again after a seek back was done before: the group stays where it was.
        if (next > slot.committed && !serving.fenced()) {
          slot.committed = next;
          serving.done(partition, next);
        }
        fetcher.pump();
      }
    } catch {
      // The consumer has told whom it concerns; here it only means: again.
      await pause();
    }
  }
  fetcher.remove(slot);
  signal.removeEventListener("abort", wake);
  await serving.flushed();
  if (assigned && !serving.fenced()) await consumer.revoked?.(partition);

  /** Waits for records or the end; true when `wake_ms` passed first. */
  async function waitForMore(): Promise<boolean> {
    woken = new AbortController();
    await clock.sleep(options.wake_ms ?? Infinity, woken.signal);
    return !woken.signal.aborted;
  }
}

function batchSize({ records }: Slot, max: number): number {
  let chars = 0;
  let count = 0;
  while (count < records.length && count < max && chars < batch_chars) {
    chars += records[count++]!.value.length;
  }
  return count;
}

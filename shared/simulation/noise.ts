/**
 * Chance that can be asked for any moment: pure functions of a name and a time, so that nothing has
 * to be remembered between two ticks. Must never keep state.
 *
 * @module
 */
import { hash32 } from "shared/model/ids.ts";

/**
 * The n-th number of the source `name`, uniform in [0, 1): a Weyl sequence from the name's hash
 * through the 32-bit finalizer of MurmurHash3 (Austin Appleby, public domain).
 */
export function draw(name: string, n: number): number {
  let h = (hash32(name) + Math.imul(n, 0x9e3779b1)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4_294_967_296;
}

/** One of `choices`, the n-th pick of the source `name`. */
export function pick<T>(choices: readonly T[], name: string, n: number): T {
  return choices[Math.floor(draw(name, n) * choices.length)]!;
}

/** Noise without memory, uniform in [0, 1): a new value each second of `t` (epoch ms). */
export function rough(name: string, t: number): number {
  return draw(name, Math.floor(t / 1_000));
}

/**
 * Value noise in [0, 1): a draw at each multiple of `period_ms`, and between two of them the cubic
 * 3x² − 2x³, which has no corners (Perlin's "smoothstep").
 */
export function smooth(name: string, t: number, period_ms: number): number {
  const n = Math.floor(t / period_ms);
  const x = t / period_ms - n;
  const from = draw(name, n);
  return from + (draw(name, n + 1) - from) * x * x * (3 - 2 * x);
}

/**
 * A long tail: how far a Pareto variable of shape 1 is above its minimum, from 0 to 3. Half of the
 * values are below 1, and a quarter would be beyond the cut: enough of them that a detector learns
 * the tail as part of what is usual, instead of calling each of its values an anomaly.
 */
export function tail(name: string, t: number): number {
  return Math.min(1 / (1 - rough(name, t)) - 1, 3);
}

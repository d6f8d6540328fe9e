/** From values to places in a chart. Pure. @module */

export interface Scale {
  low: number;
  high: number;
  /** Round values within it, ascending. */
  ticks: number[];
}

/** A scale that holds all values with some air, from 0 where that is near. */
export function scaleOf(values: readonly number[], about = 5): Scale {
  const finite = values.filter(Number.isFinite);
  let low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  let high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  if (finite.length === 0) [low, high] = [0, 1];
  if (low >= 0 && low < (high - low) * 2) low = 0;
  if (low === high) {
    [low, high] = low === 0 ? [0, 1] : [low - Math.abs(low) / 2, low + Math.abs(low) / 2];
  }
  const step = roundStep((high - low) / about);
  low = Math.floor(low / step + 1e-9) * step;
  high = Math.ceil((high + step * 0.1) / step - 1e-9) * step;
  const count = Math.round((high - low) / step);
  const ticks = Array.from(
    { length: count + 1 },
    (_, i) => Number((low + i * step).toPrecision(12)),
  );
  return { low, high, ticks };
}

/** 1, 2 or 5 times a power of ten, at least as large. */
export function roundStep(least: number): number {
  if (!(least > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(least));
  const times = [1, 2, 5, 10].find((one) => one * power >= least * (1 - 1e-9))!;
  return Number((times * power).toPrecision(12));
}

/** Mean and standard deviation of the population. */
export function spreadOf(values: readonly number[]): { mean: number; spread: number } {
  if (values.length === 0) return { mean: 0, spread: 0 };
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = Math.sqrt(
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length,
  );
  return { mean, spread };
}

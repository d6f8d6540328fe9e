/**
 * Histograms: reading them, what was observed between two cumulative ones, and the quantiles of
 * what was observed.
 *
 * @module
 * @see https://opentelemetry.io/docs/specs/otel/metrics/data-model/#histogram
 */
import { count, number, numbers, own, Unusable } from "./values.ts";

/** Most buckets of a histogram; SDKs make 15 explicit and 160 exponential ones. */
const maxBuckets = 400;

/** How many values lie in (lower, upper]. */
export interface Bucket {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** The values are spread evenly by their logarithm, not by themselves. */
  readonly geometric?: boolean;
}

/** A histogram with explicit bounds or (`scale` is set) an exponential one. */
export interface Histogram {
  readonly count: number;
  /** Explicit: upper bounds, ascending; one bucket more than bounds. */
  readonly bounds: readonly number[];
  /** Explicit: values per bucket; empty when only count and sum are told. */
  readonly counts: readonly number[];
  /** Exponential: bucket `i` is (2^(i·2^-scale), 2^((i+1)·2^-scale)]. */
  readonly scale?: number;
  readonly zeroCount: number;
  readonly zeroThreshold: number;
  readonly positive: ReadonlyMap<number, number>;
  readonly negative: ReadonlyMap<number, number>;
  readonly min?: number;
  readonly max?: number;
}

const none: ReadonlyMap<number, number> = new Map();

/** Reads a HistogramDataPoint. @throws {Unusable} */
export function readHistogram(point: unknown): Histogram {
  const bounds = numbers(point, "explicitBounds", maxBuckets);
  const counts = numbers(point, "bucketCounts", maxBuckets + 1);
  bounds.forEach((bound, i) => {
    if (!Number.isFinite(bound) || (i > 0 && bound <= bounds[i - 1]!)) {
      throw new Unusable(`explicitBounds must be finite and ascend: current value is ${bound}`);
    }
  });
  if (counts.length > 0 && counts.length !== bounds.length + 1) {
    throw new Unusable(
      `bucketCounts must have one item more than explicitBounds: current value is ` +
        `${counts.length} against ${bounds.length}`,
    );
  }
  counts.forEach(checkCount);
  return {
    count: count(point, "count") ?? sum(counts),
    bounds,
    counts,
    zeroCount: 0,
    zeroThreshold: 0,
    positive: none,
    negative: none,
    ...extremes(point),
  };
}

/** Reads an ExponentialHistogramDataPoint. @throws {Unusable} */
export function readExponential(point: unknown): Histogram {
  const scale = number(point, "scale") ?? 0;
  // SDKs stay between these; beyond them bounds are not doubles any more.
  if (!Number.isInteger(scale) || scale < -10 || scale > 20) {
    throw new Unusable(`scale must be a whole number from -10 to 20: current value is ${scale}`);
  }
  const positive = readBuckets(own(point, "positive"), scale);
  const negative = readBuckets(own(point, "negative"), scale);
  const zeroCount = count(point, "zeroCount") ?? 0;
  const zeroThreshold = number(point, "zeroThreshold") ?? 0;
  if (!(zeroThreshold >= 0 && Number.isFinite(zeroThreshold))) {
    throw new Unusable(`zeroThreshold must be from 0: current value is ${zeroThreshold}`);
  }
  return {
    count: count(point, "count") ??
      zeroCount + sum([...positive.values()]) + sum([...negative.values()]),
    bounds: [],
    counts: [],
    scale,
    zeroCount,
    zeroThreshold,
    positive,
    negative,
    ...extremes(point),
  };
}

function readBuckets(message: unknown, scale: number): Map<number, number> {
  const offset = number(message, "offset") ?? 0;
  const counts = numbers(message, "bucketCounts", maxBuckets);
  const buckets = new Map<number, number>();
  const reach = 1024 * 2 ** scale;
  if (
    !Number.isInteger(offset) || offset < -1.05 * reach - 1 || offset + counts.length > reach + 1
  ) {
    throw new Unusable(`offset must lead to buckets within a double: current value is ${offset}`);
  }
  counts.forEach((value, i) => {
    checkCount(value);
    if (value > 0) buckets.set(offset + i, value);
  });
  return buckets;
}

function checkCount(value: number): void {
  if (!(Number.isInteger(value) && value >= 0)) {
    throw new Unusable(`bucketCounts must be whole numbers from 0: current value is ${value}`);
  }
}

function extremes(point: unknown): { min?: number; max?: number } {
  const min = number(point, "min");
  const max = number(point, "max");
  return {
    ...(Number.isFinite(min) ? { min } : {}),
    ...(Number.isFinite(max) ? { max } : {}),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** How many numbers a histogram keeps in memory. */
export function sizeOf(histogram: Histogram): number {
  return histogram.bounds.length + histogram.counts.length +
    4 * (histogram.positive.size + histogram.negative.size);
}

/**
 * What was observed between two cumulative histograms of one series.
 *
 * @returns undefined when the later one does not continue the earlier one
 */
export function subtract(later: Histogram, earlier: Histogram): Histogram | undefined {
  if (later.count < earlier.count) return undefined;
  // Minimum and maximum since the start also bound what came later.
  const rest = { ...later, count: later.count - earlier.count };
  if (later.scale === undefined || earlier.scale === undefined) {
    if (later.scale !== earlier.scale || !equal(later.bounds, earlier.bounds)) return undefined;
    if (later.counts.length !== earlier.counts.length) return undefined;
    const counts = later.counts.map((value, i) => value - earlier.counts[i]!);
    return counts.some((value) => value < 0) ? undefined : { ...rest, counts };
  }
  const scale = Math.min(later.scale, earlier.scale);
  const positive = difference(later.positive, later.scale, earlier.positive, earlier.scale, scale);
  const negative = difference(later.negative, later.scale, earlier.negative, earlier.scale, scale);
  // A widened zero bucket has swallowed others: then there is no saying what is new.
  const zeroCount = later.zeroCount - earlier.zeroCount;
  if (!positive || !negative || zeroCount < 0) return undefined;
  return { ...rest, scale, positive, negative, zeroCount };
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function difference(
  later: ReadonlyMap<number, number>,
  laterScale: number,
  earlier: ReadonlyMap<number, number>,
  earlierScale: number,
  scale: number,
): Map<number, number> | undefined {
  const result = coarser(later, laterScale - scale);
  for (const [index, value] of coarser(earlier, earlierScale - scale)) {
    const rest = (result.get(index) ?? 0) - value;
    if (rest < 0) return undefined;
    if (rest === 0) result.delete(index);
    else result.set(index, rest);
  }
  return result;
}

/** Halves the resolution `steps` times: two neighbours become one, exactly. */
function coarser(buckets: ReadonlyMap<number, number>, steps: number): Map<number, number> {
  const result = new Map<number, number>();
  for (const [index, value] of buckets) {
    const merged = Math.floor(index / 2 ** steps);
    result.set(merged, (result.get(merged) ?? 0) + value);
  }
  return result;
}

/**
 * The buckets that hold values, ascending and finite. Where a bound is infinite the rules of
 * Prometheus' `histogram_quantile` stand in for it: a lowest bucket begins at 0 when it ends above
 * 0, else all its values are at its end; the values of a highest bucket are at its beginning. The
 * smallest and largest value, where they are told, narrow the buckets they are in.
 *
 * @param factor what bounds are multiplied by, e.g. 1000 for seconds as milliseconds
 * @see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
 */
export function bucketsOf(histogram: Histogram, factor = 1): Bucket[] {
  const { scale, min = -Infinity, max = Infinity } = histogram;
  const raw: Bucket[] = [];
  if (scale === undefined) {
    histogram.counts.forEach((count, i) => {
      const lower = histogram.bounds[i - 1] ?? -Infinity;
      const upper = histogram.bounds[i] ?? Infinity;
      if (count > 0) raw.push({ lower, upper, count });
    });
  } else {
    const bound = (index: number) => 2 ** (index * 2 ** -scale);
    for (const [index, count] of histogram.negative) {
      raw.push({ lower: -bound(index + 1), upper: -bound(index), count, geometric: true });
    }
    if (histogram.zeroCount > 0) {
      raw.push({
        lower: histogram.negative.size === 0 ? 0 : -histogram.zeroThreshold,
        upper: histogram.positive.size === 0 ? 0 : histogram.zeroThreshold,
        count: histogram.zeroCount,
      });
    }
    for (const [index, count] of histogram.positive) {
      raw.push({ lower: bound(index), upper: bound(index + 1), count, geometric: true });
    }
  }
  const finite: Bucket[] = [];
  for (const bucket of raw) {
    let { lower, upper } = bucket;
    if (Math.max(lower, min) <= Math.min(upper, max)) {
      lower = Math.max(lower, min);
      upper = Math.min(upper, max);
    }
    if (lower === -Infinity) lower = upper > 0 && upper < Infinity ? 0 : upper;
    if (upper === Infinity) upper = lower;
    // No bound, no minimum, no maximum: nothing is known about these values.
    if (!Number.isFinite(lower) || !Number.isFinite(upper)) continue;
    finite.push({ ...bucket, lower: lower * factor, upper: upper * factor });
  }
  return finite.sort((a, b) => a.lower - b.lower || a.upper - b.upper);
}

/** Most different buckets of a merged distribution: real services have one set of bounds, or a few. */
const maxMerged = 10_000;

/**
 * The buckets of one distribution out of those of several; they may overlap. Empty when there are
 * too many different ones.
 *
 * @param factor as of `bucketsOf`
 */
export function mergeHistograms(
  parts: readonly { readonly histogram: Histogram; readonly factor: number }[],
): Bucket[] {
  // The extremes of all narrow the buckets of each: equal bounds stay equal, and add up.
  let min: number | undefined = Infinity;
  let max: number | undefined = -Infinity;
  for (const { histogram, factor } of parts) {
    if (histogram.count === 0) continue;
    min = min === undefined || histogram.min === undefined
      ? undefined
      : Math.min(min, histogram.min * factor);
    max = max === undefined || histogram.max === undefined
      ? undefined
      : Math.max(max, histogram.max * factor);
  }
  const merged = new Map<string, Bucket>();
  for (const { histogram, factor } of parts) {
    const extremes = {
      min: min === undefined ? undefined : min / factor,
      max: max === undefined ? undefined : max / factor,
    };
    for (const bucket of bucketsOf({ ...histogram, ...extremes }, factor)) {
      const key = `${bucket.lower} ${bucket.upper} ${bucket.geometric === true}`;
      const same = merged.get(key);
      merged.set(key, same ? { ...same, count: same.count + bucket.count } : bucket);
    }
    if (merged.size > maxMerged) return [];
  }
  return [...merged.values()].sort((a, b) => a.lower - b.lower || a.upper - b.upper);
}

/**
 * A quantile, by interpolation within the bucket that holds its rank: linear as Prometheus'
 * `histogram_quantile` does for classic histograms, by logarithm as it does for exponential ones.
 *
 * @param buckets of `bucketsOf` or `mergeHistograms`
 * @param q from 0 to 1
 * @returns undefined when there are no values
 */
export function quantile(buckets: readonly Bucket[], q: number): number | undefined {
  if (buckets.length === 0) return undefined;
  const rank = q * buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  const overlap = buckets.some((bucket, i) => i > 0 && bucket.lower < buckets[i - 1]!.upper);
  return overlap ? search(buckets, rank) : walk(buckets, rank);
}

function walk(buckets: readonly Bucket[], rank: number): number {
  let rest = rank;
  let i = 0;
  while (i < buckets.length - 1 && rest > buckets[i]!.count) rest -= buckets[i++]!.count;
  const bucket = buckets[i]!;
  const { lower, upper } = bucket;
  const share = Math.min(1, rest / bucket.count);
  const value = byLogarithm(bucket)
    ? Math.sign(upper) * Math.abs(lower) ** (1 - share) * Math.abs(upper) ** share
    : lower + (upper - lower) * share;
  return Math.min(upper, Math.max(lower, value));
}

/** Halvings of an interval until neighbouring doubles are left, for bounds of ordinary size. */
const halvings = 64;

/** Overlapping buckets: the smallest value below which there are `rank` values, by bisection. */
function search(buckets: readonly Bucket[], rank: number): number {
  let low = buckets[0]!.lower;
  let high = buckets.reduce((most, bucket) => Math.max(most, bucket.upper), low);
  for (let i = 0; i < halvings; i++) {
    const middle = low / 2 + high / 2;
    let below = 0;
    for (const bucket of buckets) below += bucket.count * shareBelow(bucket, middle);
    if (below >= rank) high = middle;
    else low = middle;
  }
  return high;
}

function shareBelow(bucket: Bucket, value: number): number {
  const { lower, upper } = bucket;
  if (value >= upper) return 1;
  if (value <= lower) return 0;
  return byLogarithm(bucket)
    ? Math.log(value / lower) / Math.log(upper / lower)
    : (value - lower) / (upper - lower);
}

function byLogarithm({ lower, upper, geometric }: Bucket): boolean {
  return geometric === true && lower !== 0 && upper !== 0 && lower < 0 === upper < 0;
}

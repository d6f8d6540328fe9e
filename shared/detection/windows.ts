/**
 * The sliding window of one length over one series: what rules compare, kept up to date at O(1)
 * amortised per sample whatever the length (percentiles: a binary search and one block move).
 *
 * A window reaches back from the newest point: `(newest - length, newest]`, open on the left as
 * Prometheus' ranges are. Its sums hold all points but the newest, so that the newest can be
 * compared with a baseline that it is no part of.
 *
 * @module
 */
import type { Points } from "./points.ts";

/** What a window keeps besides its sums; rules that use it decide. */
export interface Needs {
  readonly extremes: boolean;
  readonly ranks: boolean;
}

/** The sums of a window, as a snapshot keeps them: restored, the next result is the same to the bit. */
export type Sums = readonly [
  sum: number,
  carry: number,
  centre: number,
  squares: number,
  peak: number,
  largest: number,
  removals: number,
  resets: number,
  resets_carry: number,
];

/**
 * Sums are computed anew when less than this share is left of the greatest square that they held:
 * what was added while that was in them has lost up to 6 of its 16 digits by then, not more.
 */
const cancellation = 1e-6;

/** Removals after which the squares are summed anew (or as many as there are points, if more). */
const longestDrift = 256;

export class Window {
  /** Sequence number of its oldest point. */
  start: number;
  readonly #sum = new Sum();
  // Σ(v - centre)², with the centre near the mean so that little cancels.
  #centre = 0;
  #squares = 0;
  #peak = 0;
  /** The greatest v² added since the last count. */
  #largest = 0;
  #removals = 0;
  /** Σ of the values from which a counter started again. */
  readonly #resets = new Sum();
  readonly #highest: Extreme | undefined;
  readonly #lowest: Extreme | undefined;
  readonly #ranks: Ranks | undefined;

  /**
   * The window over the points there are.
   *
   * @param ms its length
   * @param sums of the same window, from a snapshot
   */
  constructor(readonly points: Points, readonly ms: number, readonly needs: Needs, sums?: Sums) {
    this.#highest = needs.extremes ? new Extreme(1) : undefined;
    this.#lowest = needs.extremes ? new Extreme(-1) : undefined;
    this.#ranks = needs.ranks ? new Ranks() : undefined;
    this.start = points.length === 0 ? points.end : points.after(points.t(points.end - 1) - ms);
    for (let i = this.start; i < points.end; i++) {
      const v = points.v(i);
      this.#highest?.push(points.t(i), v);
      this.#lowest?.push(points.t(i), v);
      this.#ranks?.add(v);
    }
    if (sums) {
      [this.#sum.high, this.#sum.low, this.#centre, this.#squares, this.#peak] = sums;
      [, , , , , this.#largest, this.#removals, this.#resets.high, this.#resets.low] = sums;
    } else {
      this.#recount();
    }
  }

  get sums(): Sums {
    return [
      this.#sum.high,
      this.#sum.low,
      this.#centre,
      this.#squares,
      this.#peak,
      this.#largest,
      this.#removals,
      this.#resets.high,
      this.#resets.low,
    ];
  }

  /** How many points it has, the newest one included. */
  get count(): number {
    return this.points.end - this.start;
  }

  /** The value of the newest point. */
  get newest(): number {
    return this.points.v(this.points.end - 1);
  }

  /** How many points there are besides the newest. */
  get others(): number {
    const count = this.points.end - this.start - 1;
    return count > 0 ? count : 0;
  }

  /** Mean of the points besides the newest; NaN when there are none. */
  get baseline(): number {
    return (this.#sum.high + this.#sum.low) / this.others;
  }

  /** Population standard deviation of the points besides the newest, as `stddev_over_time`. */
  get spread(): number {
    const n = this.others;
    if (n === 0) return NaN;
    let squares = this.#centred(n);
    // Written so that NaN, left by values near the largest double, recounts too.
    if (!(squares >= cancellation * this.#peak) || this.#removals > Math.max(n, longestDrift)) {
      this.#recount();
      squares = this.#centred(n);
    }
    return Math.sqrt(squares / n);
  }

  get sum(): number {
    return this.#sum.high + (this.#sum.low + this.newest);
  }

  get max(): number {
    return this.#highest!.value;
  }

  get min(): number {
    return this.#lowest!.value;
  }

  /**
   * Increase per second between its oldest and newest point; NaN for fewer than two times. A fall to
   * less than half is a counter that started again at zero, any other fall a decrease.
   */
  get rate(): number {
    const { points, start } = this;
    const last = points.end - 1;
    const seconds = (points.t(last) - points.t(start)) / 1_000;
    const resets = this.#resets.high + this.#resets.low;
    return seconds > 0 ? (points.v(last) - points.v(start) + resets) / seconds : NaN;
  }

  /**
   * The value that a share `q` of the points do not exceed, interpolated between neighbours as
   * `quantile_over_time` does.
   */
  quantile(q: number): number {
    return this.#ranks!.quantile(q);
  }

  /** Takes in the point just pushed and lets go of those that are now too old. */
  advance(): void {
    const { points } = this;
    const last = points.end - 1;
    const t = points.t(last);
    const v = points.v(last);
    if (last > this.start) {
      const previous = points.v(last - 1);
      this.#add(previous);
      this.#pair(previous, v, 1);
    }
    if (this.#highest !== undefined) {
      this.#highest.push(t, v);
      this.#lowest!.push(t, v);
    }
    const edge = t - this.ms;
    let newcomer = this.#ranks !== undefined;
    while (this.start < last && points.t(this.start) <= edge) {
      // Mostly one comes as one goes: one move of what lies between them instead of two.
      if (newcomer) this.#ranks!.replace(points.v(this.start), v);
      else if (this.#ranks !== undefined) this.#ranks.remove(points.v(this.start));
      newcomer = false;
      this.#leave();
    }
    if (newcomer) this.#ranks!.add(v);
  }

  /** Takes in a point that was inserted at `seq`, before the newest. */
  admit(seq: number): void {
    const { points } = this;
    const t = points.t(seq);
    const v = points.v(seq);
    // A window whose oldest points were dropped for room may begin later than its length says.
    if (seq < this.start || t <= points.t(points.end - 1) - this.ms) {
      this.start++;
      return;
    }
    this.#add(v);
    if (seq > this.start) {
      this.#pair(points.v(seq - 1), points.v(seq + 1), -1);
      this.#pair(points.v(seq - 1), v, 1);
    }
    this.#pair(v, points.v(seq + 1), 1);
    this.#highest?.insert(t, v);
    this.#lowest?.insert(t, v);
    this.#ranks?.add(v);
  }

  /** Lets go of its oldest point, which must not be the newest. */
  drop(): void {
    this.#ranks?.remove(this.points.v(this.start));
    this.#leave();
  }

  /** The oldest point leaves all but the ranks. */
  #leave(): void {
    const { points, start } = this;
    const v = points.v(start);
    this.#pair(v, points.v(start + 1), -1);
    if (this.#highest !== undefined) {
      const t = points.t(start);
      this.#highest.drop(t, v);
      this.#lowest!.drop(t, v);
    }
    this.start++;
    this.#remove(v);
  }

  #pair(before: number, after: number, sign: 1 | -1): void {
    if (after >= 0 && after < before / 2) this.#resets.add(sign * before);
  }

  #add(v: number): void {
    if (this.points.end - this.start <= 2) {
      // The first of a baseline: nothing is carried over from before.
      this.#sum.high = this.#centre = v;
      this.#sum.low =
        this.#squares =
        this.#peak =
        this.#removals =
          0;
      this.#largest = v * v;
      return;
    }
    this.#sum.add(v);
    const off = v - this.#centre;
    this.#squares += off * off;
    if (this.#squares > this.#peak) this.#peak = this.#squares;
    if (v * v > this.#largest) this.#largest = v * v;
  }

  #remove(v: number): void {
    const n = this.points.end - this.start - 1;
    if (n === 0) {
      this.#sum.clear();
      this.#resets.clear();
      this.#squares =
        this.#peak =
        this.#largest =
        this.#removals =
          0;
      return;
    }
    this.#sum.add(-v);
    const from = v - this.#centre;
    this.#squares -= from * from;
    this.#removals++;
    // Σv² is at least the square of any value in it: far below the largest, that one has gone, and
    // with it the low digits of the others. Written so that NaN counts anew as well.
    const sum = this.#sum.high + this.#sum.low;
    const off = sum / n - this.#centre;
    const squares = sum * sum / n + this.#squares - n * off * off;
    if (!(squares >= cancellation * this.#largest)) this.#recount();
  }

  /** Σ(v - mean)² of the baseline; rounding must not make it negative. */
  #centred(n: number): number {
    const off = this.baseline - this.#centre;
    return Math.max(0, this.#squares - n * off * off);
  }

  #recount(): void {
    const { points, start } = this;
    const last = points.end - 1;
    this.#sum.clear();
    this.#resets.clear();
    this.#squares = this.#largest = this.#removals = 0;
    for (let i = start; i < last; i++) {
      const v = points.v(i);
      this.#sum.add(v);
      this.#pair(v, points.v(i + 1), 1);
      if (v * v > this.#largest) this.#largest = v * v;
    }
    this.#centre = last > start ? this.baseline : 0;
    for (let i = start; i < last; i++) {
      const off = points.v(i) - this.#centre;
      this.#squares += off * off;
    }
    this.#peak = this.#squares;
  }
}

/**
 * A sum as an unevaluated pair (Knuth's TwoSum): adding and taking away in any order leaves no
 * rounding behind, so that a constant baseline has exactly its constant as mean.
 */
class Sum {
  high = 0;
  low = 0;

  add(v: number): void {
    const sum = this.high + v;
    const rest = sum - this.high;
    this.low += (this.high - (sum - rest)) + (v - rest);
    this.high = sum;
  }

  clear(): void {
    this.high = this.low = 0;
  }
}

/**
 * The greatest (sign 1) or least (sign -1) value of a sliding window: a monotonic queue, in which a
 * point waits only while no later one beats it.
 */
class Extreme {
  #t: number[] = [];
  /** Times the sign; falling. */
  #v: number[] = [];
  #head = 0;

  constructor(readonly sign: 1 | -1) {}

  get value(): number {
    return this.sign * this.#v[this.#head]!;
  }

  push(t: number, value: number): void {
    const v = this.sign * value;
    while (this.#v.length > this.#head && this.#v[this.#v.length - 1]! < v) {
      this.#v.pop();
      this.#t.pop();
    }
    this.#v.push(v);
    this.#t.push(t);
  }

  /** A point that comes late takes its place by time. */
  insert(t: number, value: number): void {
    const v = this.sign * value;
    let at = this.#t.length;
    while (at > this.#head && this.#t[at - 1]! > t) at--;
    if (at < this.#v.length && this.#v[at]! > v) return;
    let from = at;
    while (from > this.#head && this.#v[from - 1]! < v) from--;
    this.#v.splice(from, at - from, v);
    this.#t.splice(from, at - from, t);
  }

  /** The oldest point of the window leaves. */
  drop(t: number, value: number): void {
    if (this.#t[this.#head] !== t || this.#v[this.#head] !== this.sign * value) return;
    if (++this.#head < 64 || this.#head * 2 < this.#v.length) return;
    this.#v = this.#v.slice(this.#head);
    this.#t = this.#t.slice(this.#head);
    this.#head = 0;
  }
}

/** The values of a window in order of size. */
class Ranks {
  #v = new Float64Array(16);
  #length = 0;

  add(v: number): void {
    if (this.#length === this.#v.length) {
      const wider = new Float64Array(this.#length * 2);
      wider.set(this.#v);
      this.#v = wider;
    }
    const at = this.#place(v);
    this.#v.copyWithin(at + 1, at, this.#length++);
    this.#v[at] = v;
  }

  remove(v: number): void {
    const at = this.#place(v);
    this.#v.copyWithin(at, at + 1, this.#length--);
  }

  /** `remove` and `add` in one. */
  replace(old: number, v: number): void {
    const from = this.#place(old);
    const to = this.#place(v);
    if (to > from) {
      this.#v.copyWithin(from, from + 1, to);
      this.#v[to - 1] = v;
    } else {
      this.#v.copyWithin(to + 1, to, from);
      this.#v[to] = v;
    }
  }

  quantile(q: number): number {
    const rank = q * (this.#length - 1);
    const below = Math.floor(rank);
    const low = this.#v[below]!;
    if (below + 1 >= this.#length) return low;
    const weight = rank - below;
    // In this form neighbours that are equal give exactly their value.
    return low + (this.#v[below + 1]! - low) * weight;
  }

  /** The first place whose value is not less than `v`. */
  #place(v: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#v[middle]! < v) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

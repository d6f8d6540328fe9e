/**
 * The points of one series in the order of their event time: a ring of typed arrays that windows
 * look into by sequence number. It knows nothing of rules.
 *
 * @module
 */

/**
 * Most points kept for a series (256 KiB). A window that would need more looks at the newest of
 * them: at one sample a second that is four and a half hours.
 */
export const maxPoints = 16_384;

/**
 * A ring of (t, v). Points have sequence numbers `first`, `first + 1`, … `end - 1` from the oldest
 * to the newest; a point that is inserted late moves the later ones up by one.
 */
export class Points {
  first = 0;
  end = 0;
  /** t and v of a point side by side: whoever looks at one looks at the other. */
  #slots = new Float64Array(32);
  #mask = 15;

  get length(): number {
    return this.end - this.first;
  }

  /** Event time of a point, epoch milliseconds. */
  t(seq: number): number {
    return this.#slots[(seq & this.#mask) * 2]!;
  }

  v(seq: number): number {
    return this.#slots[(seq & this.#mask) * 2 + 1]!;
  }

  /** Whether the oldest point has to be dropped before another one fits. */
  get full(): boolean {
    return this.end - this.first === maxPoints;
  }

  /** Adds the newest point; there must be room. */
  push(t: number, v: number): void {
    if (this.end - this.first > this.#mask) this.#grow();
    this.#set(this.end++, t, v);
  }

  /** Where a point belongs: after those of the same time. */
  place(t: number): number {
    let seq = this.end;
    while (seq > this.first && this.t(seq - 1) > t) seq--;
    return seq;
  }

  /** Inserts a point at its place; there must be room. */
  insert(seq: number, t: number, v: number): void {
    this.push(t, v);
    for (let i = this.end - 1; i > seq; i--) this.#set(i, this.t(i - 1), this.v(i - 1));
    this.#set(seq, t, v);
  }

  /** Drops the oldest point. */
  shift(): void {
    this.first++;
  }

  /** The first point that is later than `t`. */
  after(t: number): number {
    let low = this.first;
    let high = this.end;
    while (low < high) {
      const middle = low + ((high - low) >> 1);
      if (this.t(middle) > t) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #set(seq: number, t: number, v: number): void {
    const slot = (seq & this.#mask) * 2;
    this.#slots[slot] = t;
    this.#slots[slot + 1] = v;
  }

  #grow(): void {
    const slots = this.#slots;
    const mask = this.#mask;
    this.#mask = mask * 2 + 1;
    this.#slots = new Float64Array(slots.length * 2);
    for (let i = this.first; i < this.end; i++) {
      const slot = (i & mask) * 2;
      this.#set(i, slots[slot]!, slots[slot + 1]!);
    }
  }
}

/** How the benchmarks measure and report: rounds in turn with their baseline, medians, aims. @module */

/** The middle of some numbers (the upper one of two). */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which a share `q` of the values lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/** Operations a second, of one round. */
export interface Score {
  ours: number;
  baseline: number;
}

/**
 * Runs rounds of baseline and ours in turn, so that the machine's moods meet both; the first is not
 * counted.
 */
export async function rounds(
  count: number,
  baseline: () => Promise<number> | number,
  ours: () => Promise<number> | number,
): Promise<Score[]> {
  const scores: Score[] = [];
  for (let round = 0; round <= count; round++) {
    scores.push({ baseline: await baseline(), ours: await ours() });
  }
  return scores.slice(1);
}

/** Operations a second of some work. */
export async function rate(operations: number, work: () => Promise<void> | void): Promise<number> {
  const started = performance.now();
  await work();
  return operations / ((performance.now() - started) / 1000);
}

/** One line of the report: the ratio of the medians' rounds, its aim if any, and what it is made of. */
export function report(
  name: string,
  scores: readonly Score[],
  aim: number | undefined,
  unit: string,
): void {
  const k = (values: number[]) => `${Math.round(median(values) / 1000)} k`;
  const ratio = median(scores.map(({ ours, baseline }) => ours / baseline));
  console.log(
    `${name.padEnd(34)} ratio ${ratio.toFixed(2)}${
      aim === undefined ? "" : ` (aim ${aim}: ${ratio >= aim ? "met" : "MISSED"})`
    }, ` +
      `${k(scores.map((s) => s.ours))} against ${k(scores.map((s) => s.baseline))} ${unit}`,
  );
}

/** One line of the report: a value that is to be small, and its aim. */
export function under(what: string, value: number, unit: string, aim: number): void {
  const shown = value < 1 ? value.toFixed(4) : value.toFixed(0);
  const verdict = value < aim ? "met" : "MISSED";
  console.log(`${what.padEnd(40)} ${shown} ${unit} (aim under ${aim} ${unit}: ${verdict})`);
}

/** Lets time pass, as a reader does. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

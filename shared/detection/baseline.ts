/** How far a value is from what its series did before. @module */
import type { Window } from "./windows.ts";

/** A baseline that varies by less than this share of its mean counts as flat. */
const flat = 1e-3;

/** What a flat baseline is taken to vary by: this share of its mean, ... */
const flatSpread = 0.01;

/** ... for percentages at least this much, so that a first 0.2 % of errors is no alert, ... */
const flatPercent = 0.5;

/** ... and at zero, where there is no scale, next to nothing: there any change is a jump. */
const leastSpread = 1e-9;

/** The greatest score, so that one from a baseline at zero stays a number that people can read. */
export const maxScore = 1e6;

/**
 * The standard deviation that a value's distance is measured in: the baseline's own, or for a flat
 * one (σ near 0, where any wiggle would be infinitely many σ) a floor.
 */
export function scale(mean: number, spread: number, unit: string): number {
  const size = Math.abs(mean);
  if (!(spread <= flat * size)) return spread;
  const floor = unit === "percent" || unit === "%" ? flatPercent : leastSpread;
  return Math.max(spread, flatSpread * size, floor);
}

/**
 * |v - mean| / σ of the newest point of a window against all the others: the newest is never part
 * of its own baseline. NaN with fewer than `least` others.
 */
export function zscore(window: Window, unit: string, least: number): number {
  if (window.others < least) return NaN;
  const distance = Math.abs(window.newest - window.baseline);
  if (distance === 0) return 0;
  return Math.min(distance / scale(window.baseline, window.spread, unit), maxScore);
}

/**
 * The detectors, each in a file of its own. A detector turns a window into one number, the score,
 * which the rule's operator compares with its threshold; everything else (pending, firing, cooldown,
 * explanation) is the same for all. Adding one is a file and a line here.
 *
 * @module
 */
import { absence } from "./absence.ts";
import type { Detector } from "./detector.ts";
import { errorBurst } from "./error_burst.ts";
import { movingAverage } from "./moving_average.ts";
import { threshold } from "./threshold.ts";
import { zscore } from "./zscore.ts";

/** In the order of the rule types. */
export const detectors: readonly Detector[] = [
  threshold,
  zscore,
  movingAverage,
  errorBurst,
  absence,
];

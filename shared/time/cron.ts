/** Cron patterns: the only door to croner. @module */
import { Cron } from "croner";

/**
 * The next match of a cron pattern (five fields, or six with seconds) in UTC, strictly after `after`.
 *
 * @param after epoch milliseconds
 * @returns epoch milliseconds, or undefined when the pattern never matches again
 * @throws when the pattern is not one
 */
export function nextMatch(pattern: string, after: number): number | undefined {
  return new Cron(pattern, { timezone: "UTC", paused: true }).nextRun(new Date(after))?.getTime();
}

/**
 * The rules of a fresh start.
 *
 * On values that only wobble, a z-score of 3 comes by chance every few hundred samples: on a simulated
 * day of the four services without incidents some seventy alerts are due to it alone, and a handful to
 * all the other rules. Who wants to hear of less gives `default-zscore` a second of `for_seconds`, so
 * that the next sample must say so, too. Twice the threshold is next to never chance, and critical.
 *
 * @module
 */
import { Conflict } from "functions/define.ts";
import { ruleKind } from "shared/model/kinds.ts";
import { completeRule } from "shared/model/rule_check.ts";
import type { RuleInput } from "shared/model/rule.ts";
import { put, type Store } from "shared/store/port.ts";
import { seededKind } from "./records.ts";

/** By id. What is left out is the default of the rule's type. */
export const defaultRules: Readonly<Record<string, RuleInput>> = {
  "default-cpu": {
    name: "High CPU",
    description: "The service uses more than 80 % of its CPU.",
    metric_type: "cpu",
    threshold: 80,
  },
  "default-memory": {
    name: "High memory",
    description: "The service uses more than 80 % of its memory.",
    metric_type: "memory",
    threshold: 80,
  },
  "default-latency": {
    name: "High latency",
    description: "One request in twenty takes more than a second.",
    metric_type: "latency_p95",
    threshold: 1_000,
  },
  "default-errors": {
    name: "High error rate",
    description: "More than 5 % of the requests of the last minute failed.",
    metric_type: "error_rate",
    aggregation: "avg",
    window_size: 60,
    threshold: 5,
    severity: "critical",
  },
  "default-zscore": {
    name: "Unusual value",
    description: "A value is three standard deviations off the last five minutes.",
    type: "zscore",
    metric_type: "*",
  },
  "default-average": {
    name: "Off its average",
    description: "A value is half as much or more off the average of the last quarter of an hour.",
    type: "moving_average",
    metric_type: "*",
  },
  "default-burst": {
    name: "Error burst",
    description: "The service logged ten errors or more within a minute.",
    type: "error_burst",
    severity: "critical",
  },
};

/**
 * Stores the default rules, once in the life of a store: those that somebody changed or deleted
 * since stay as they are.
 *
 * @param now epoch milliseconds
 * @throws {Unavailable} when the store is away or full
 */
export async function seedRules(store: Store, now: number): Promise<void> {
  if (await store.get(seededKind, "rules")) return;
  const making = { now, user: "system", version: 1 };
  try {
    await store.apply([
      put(seededKind, "rules", { at: now }, { version: 0 }),
      ...Object.entries(defaultRules).map(([id, input]) =>
        put(ruleKind, id, completeRule(input, { ...making, id }), { version: 0, rank: now })
      ),
    ]);
  } catch (error) {
    // Another process that starts has stored them.
    if (error instanceof Conflict && await store.get(seededKind, "rules")) return;
    throw error;
  }
}

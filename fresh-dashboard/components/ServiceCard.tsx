/** One service in short: how it is, what it does, how old that is. The whole card leads to it. @module */
import type { ReadonlySignal } from "@preact/signals";
import type { ServiceStatus, Vitals } from "../lib/api.ts";
import Age from "../islands/Age.tsx";
import { formatValue, metricTitle } from "../lib/format.ts";
import * as text from "../text.ts";
import { Name } from "./Name.tsx";
import { Status } from "./Severity.tsx";
import { Sparkline, type SparkPoint } from "./Sparkline.tsx";

/** A service as a card shows it. */
export interface Card {
  name: string;
  display_name: string;
  status: ServiceStatus;
  /** RFC 3339. */
  last_seen: string;
  vitals: Vitals;
  spark: { metric: string; points: SparkPoint[] };
}

/** The vital signs: what the API calls them, the metric that they are, and its unit. */
export const vitalSigns = [
  { field: "cpu_usage", metric: "cpu", unit: "percent" },
  { field: "memory_usage", metric: "memory", unit: "percent" },
  { field: "latency_p95", metric: "latency_p95", unit: "ms" },
  { field: "error_rate", metric: "error_rate", unit: "percent" },
  { field: "request_count", metric: "request_rate", unit: "req/s" },
] as const;

/** How far back a card's line goes, and how long one of its points is. */
export const spark_ms = { window: 900_000, step: 15_000 } as const;

export function ServiceCard({ card }: { card: ReadonlySignal<Card> }) {
  const { name, display_name, status, last_seen, vitals, spark } = card.value;
  const last = spark.points.at(-1)?.t ?? 0;
  return (
    <li class="card relative flex min-w-0 flex-col gap-3 p-4 transition-shadow focus-within:outline-2
      focus-within:outline-offset-2 focus-within:outline-accent hover:border-line-strong">
      <div class="flex items-start justify-between gap-3">
        <h3 class="min-w-0 flex-1 text-base font-semibold text-ink">
          <a
            href={`/services/${encodeURIComponent(name)}`}
            class="block outline-none after:absolute after:inset-0 after:rounded-[inherit]"
          >
            <Name of={display_name} />
          </a>
        </h3>
        <Status status={status} />
      </div>
      <div class="relative h-10">
        {spark.points.length > 1
          ? (
            <Sparkline
              points={spark.points}
              from={last - spark_ms.window}
              to={last}
              gap_ms={4 * spark_ms.step}
              class={`h-10 ${status === "down" ? "text-ink-3" : "text-chart-1"}`}
            />
          )
          : <p class="flex h-full items-center text-xs text-ink-3">{text.card.noSeries}</p>}
      </div>
      <dl class="grid grid-cols-[0.9fr_1fr_1.2fr_1fr_1.15fr] gap-x-2">
        {vitalSigns.map(({ field, metric, unit }) => {
          const value = vitals[field];
          return (
            <div key={field} class="min-w-0">
              <dt class="truncate text-[0.6875rem]/4 text-ink-3">{text.vitals[metric]}</dt>
              <dd
                class="truncate text-sm font-medium text-ink tabular-nums"
                title={value === null ? text.vitals.noneLong : `${value}`}
              >
                {value === null ? text.vitals.none : formatValue(value, unit)}
              </dd>
            </div>
          );
        })}
      </dl>
      <p class="flex justify-between gap-2 text-xs text-ink-3">
        <span class="truncate">
          {spark.points.length > 1 && text.card.trend(
            spark.metric === "latency_p95" ? text.vitals.latency_p95 : metricTitle(spark.metric),
          )}
        </span>
        <Age at={last_seen} />
      </p>
    </li>
  );
}

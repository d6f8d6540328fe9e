/** What the overview is made of, and how live messages change it. Pure. @module */
import type { Card } from "../components/ServiceCard.tsx";
import { spark_ms, vitalSigns } from "../components/ServiceCard.tsx";
import type { ServiceSample, Stats, Vitals } from "./api.ts";
import type { BriefAlert } from "./brief.ts";

/** Cards of the overview; the list of services has them all. */
export const maxShown = 60;

/** The numbers of the platform: what is left of `Stats` when cards and lists have theirs. */
export type Figures = Omit<Stats, "service_stats" | "recent_alerts">;

/** What the server gives to the overview. */
export interface OverviewData {
  figures: Figures;
  cards: Card[];
  /** Of the last 24 hours and what fires, newest first; undefined when they could not be read. */
  alerts: BriefAlert[] | undefined;
  /** How many more began in the last 24 hours than are in the list. */
  unlisted: number;
}

/** One service of the stats. */
export type ServiceStat = Stats["service_stats"][number];

/** A live metric's payload. */
export type LiveSample = Pick<
  ServiceSample,
  "service_name" | "metric_type" | "value" | "unit" | "timestamp" | "labels"
>;

/** The metric that a card's line shows: the first vital sign that a person on call looks at. */
export function sparkMetric(vitals: Vitals): string | undefined {
  const order = ["latency_p95", "error_rate", "request_rate", "cpu", "memory"];
  return order.find((metric) => {
    const sign = vitalSigns.find((one) => one.metric === metric)!;
    return vitals[sign.field] !== null;
  });
}

export function figuresOf({ service_stats: _, recent_alerts: __, ...figures }: Stats): Figures {
  return figures;
}

/** The worst first, then by name: where somebody looks first. */
export function byNeed(stats: readonly ServiceStat[]): ServiceStat[] {
  const order = ["critical", "down", "warning", "healthy"];
  return [...stats].sort((a, b) =>
    order.indexOf(a.status) - order.indexOf(b.status) ||
    (a.service_name < b.service_name ? -1 : 1)
  );
}

export function cardOf(stat: ServiceStat, points: readonly ServiceSample[] = []): Card {
  const metric = sparkMetric(stat) ?? "";
  return {
    name: stat.service_name,
    display_name: stat.display_name,
    status: stat.status,
    last_seen: stat.last_seen,
    vitals: vitalsOf(stat),
    spark: {
      metric,
      points: points.map(({ timestamp, value }) => ({
        t: Date.parse(timestamp),
        v: Number(value.toPrecision(4)),
      })),
    },
  };
}

function vitalsOf({ cpu_usage, memory_usage, latency_p95, error_rate, request_count }: Vitals) {
  return { cpu_usage, memory_usage, latency_p95, error_rate, request_count };
}

/** The card after new numbers: its state always, its values where they are not older. */
export function withStat(card: Card, stat: ServiceStat): Card {
  const { status, display_name } = stat;
  if (stat.last_seen < card.last_seen) return { ...card, status, display_name };
  const vitals = vitalsOf(stat);
  const sign = vitalSigns.find(({ metric }) => metric === card.spark.metric);
  const value = sign && vitals[sign.field];
  return {
    ...card,
    status,
    display_name,
    last_seen: stat.last_seen,
    vitals,
    spark: value === null || value === undefined || stat.last_seen === card.last_seen
      ? card.spark
      : withPoint(card.spark, Date.parse(stat.last_seen), value),
  };
}

/**
 * The card after samples of its service, oldest first. Samples with labels are parts of a whole,
 * which the next numbers tell.
 */
export function withSamples(card: Card, samples: readonly LiveSample[]): Card {
  const vitals = { ...card.vitals };
  let { last_seen, spark } = card;
  for (const { metric_type, value, timestamp, labels } of samples) {
    if (timestamp > last_seen) last_seen = timestamp;
    if (timestamp < card.last_seen || Object.keys(labels).length > 0) continue;
    const sign = vitalSigns.find(({ metric }) => metric === metric_type);
    if (sign) vitals[sign.field] = value;
    if (spark.metric === "" && sign) spark = { ...spark, metric: metric_type };
    if (metric_type === spark.metric) spark = withPoint(spark, Date.parse(timestamp), value);
  }
  return { ...card, vitals, last_seen, spark };
}

/** The newest value of each step, for as long as a card shows. */
function withPoint({ metric, points }: Card["spark"], t: number, v: number): Card["spark"] {
  const slot = Math.floor(t / spark_ms.step) * spark_ms.step;
  const kept = points.filter((point) => point.t < slot && point.t >= slot - spark_ms.window);
  return { metric, points: [...kept, { t: slot, v }] };
}

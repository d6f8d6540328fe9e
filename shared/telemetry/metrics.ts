/**
 * Prometheus metrics of the platform itself: the only door to prom-client. Every metric is a row of
 * the tables below; label values are bounded (names of our own things, status classes, reasons).
 *
 * @module
 */
import { memoryUsage } from "node:process";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

interface Row {
  help: string;
  labels: readonly string[];
}

/** Counters: only ever grow. */
export const counters = {
  service_requests_total: {
    help: "HTTP requests answered",
    labels: ["route", "method", "status"],
  },
  service_errors_total: { help: "Calls that failed", labels: ["function", "reason"] },
  kafka_messages_produced_total: { help: "Messages published", labels: ["topic"] },
  kafka_messages_consumed_total: { help: "Messages handled", labels: ["topic"] },
  function_calls_total: { help: "Calls of functions", labels: ["function", "outcome"] },
  messages_dropped_total: {
    help: "Messages and samples not used, by reason",
    labels: ["reason", "intentional"],
  },
  dead_letters_total: { help: "Messages given up", labels: ["function"] },
  schedule_ticks_skipped_total: {
    help: "Ticks left out since the last call still ran",
    labels: ["function"],
  },
  ingest_samples_total: { help: "Samples and log lines received", labels: ["protocol", "outcome"] },
  alert_transitions_total: { help: "Alerts that began or ended", labels: ["type", "status"] },
  notification_attempts_total: {
    help: "Delivery attempts",
    labels: ["receiver", "channel", "outcome", "reason"],
  },
  live_messages_total: { help: "Live updates sent to browsers", labels: ["type", "outcome"] },
  login_attempts_total: { help: "Logins", labels: ["outcome"] },
} as const satisfies Record<string, Row>;

/** Gauges: a value now. */
export const gauges = {
  kafka_consumer_lag: {
    help: "Messages published and not yet handled",
    labels: ["group", "topic", "partition"],
  },
  dependency_up: {
    help: "Whether the broker and the store answered (1) or not (0) when metrics were asked for",
    labels: ["dependency"],
  },
  queue_in_flight: { help: "Due items that are worked on", labels: ["queue"] },
  alerts_active: { help: "Alerts that fire now", labels: ["severity"] },
  notifications_pending: { help: "Notifications not yet delivered", labels: [] },
  live_connections: { help: "Open live connections", labels: ["kind"] },
  series_watched: { help: "Series with windows in memory", labels: [] },
} as const satisfies Record<string, Row>;

/** Histograms, in seconds. */
export const histograms = {
  service_latency_seconds: { help: "Time of an HTTP answer", labels: ["route", "method"] },
  function_duration_seconds: { help: "Time of a call", labels: ["function"] },
  queue_delay_seconds: { help: "Due time of an item to its work begun", labels: ["queue"] },
  alert_delay_seconds: { help: "Event time of a sample to its alert published", labels: [] },
  notification_delay_seconds: {
    help: "Event time of the alert to its notification delivered",
    labels: ["channel"],
  },
} as const satisfies Record<string, Row>;

type Labels<R extends Row> = Record<R["labels"][number], string>;

/** What handlers and the stack count with. */
export interface Metrics {
  /** Adds to a counter. */
  add<N extends keyof typeof counters>(
    name: N,
    labels: Labels<(typeof counters)[N]>,
    by?: number,
  ): void;
  /** Sets a gauge. */
  set<N extends keyof typeof gauges>(
    name: N,
    labels: Labels<(typeof gauges)[N]>,
    value: number,
  ): void;
  /** Observes a duration in seconds. */
  observe<N extends keyof typeof histograms>(
    name: N,
    labels: Labels<(typeof histograms)[N]>,
    seconds: number,
  ): void;
  /** Prometheus' text format. */
  text(): Promise<string>;
}

/** From 1 ms to a minute. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const processRegistry = new Registry();

/** The metrics of one service, each with the label `service`. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  const make = <M>(rows: Record<string, Row>, one: (name: string, row: Row) => M) =>
    new Map(Object.entries(rows).map(([name, row]) => [name, one(name, row)]));
  const options = (name: string, { help, labels }: Row) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  const all = {
    counters: make(counters, (name, row) => new Counter(options(name, row))),
    gauges: make(gauges, (name, row) => new Gauge(options(name, row))),
    histograms: make(histograms, (name, row) => new Histogram({ ...options(name, row), buckets })),
  };
  return {
    add: (name, labels, by = 1) => all.counters.get(name)!.inc(labels, by),
    set: (name, labels, value) => all.gauges.get(name)!.set(labels, value),
    observe: (name, labels, seconds) => all.histograms.get(name)!.observe(labels, seconds),
    async text() {
      if (processRegistry.getMetricsAsArray().length === 0) {
        collectDefaultMetrics({ register: processRegistry });
        // The stock one reads /proc, which the services may not.
        processRegistry.removeSingleMetric("process_resident_memory_bytes");
        new Gauge({
          name: "process_resident_memory_bytes",
          help: "Resident memory size in bytes.",
          registers: [processRegistry],
          collect() {
            this.set(memoryUsage().rss);
          },
        });
      }
      return `${await registry.metrics()}\n${await processRegistry.metrics()}`;
    },
  };
}

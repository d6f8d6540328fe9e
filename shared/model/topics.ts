/** Every topic there is. @module */
import { defineTopic } from "shared/define/mod.ts";
import { Alert } from "./alert.ts";
import { DeadLetter } from "./dead_letter.ts";
import { ServiceLog } from "./log.ts";
import { ServiceMetric } from "./metric.ts";
import { parseMetric } from "./metric_parse.ts";

export const serviceMetrics = defineTopic({
  name: "service-metrics",
  key: (metric) => metric.service_name,
  id: (metric) => metric.id,
  schema: ServiceMetric,
  parse: parseMetric,
  partitions: 3,
});

export const serviceLogs = defineTopic({
  name: "service-logs",
  key: (log) => log.service_name,
  id: (log) => log.id,
  schema: ServiceLog,
  partitions: 3,
});

export const alerts = defineTopic({
  name: "alerts",
  key: (alert) => alert.service_name,
  // An episode is told at most once per status and change of it.
  id: (alert) => `${alert.id}/${alert.status}/${alert.timestamp}`,
  schema: Alert,
  partitions: 3,
});

export const alertsDlq = defineTopic({
  name: "alerts-dlq",
  key: (letter) => letter.key,
  id: (letter) => letter.id,
  schema: DeadLetter,
  partitions: 1,
});

/** In the order data flows. */
export const topics = [serviceMetrics, serviceLogs, alerts, alertsDlq] as const;

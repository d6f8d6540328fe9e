/** A log line on the wire. @module */
import { z } from "zod";
import { ServiceName, Timestamp } from "./wire.ts";

export const logLevels = ["debug", "info", "warn", "error", "fatal"] as const;

/** A message of `service-logs`. */
export const ServiceLog = z.object({
  id: z.string().min(1).max(256),
  service_name: ServiceName,
  level: z.enum(logLevels),
  message: z.string().max(100_000),
  timestamp: Timestamp,
  caller: z.string().max(1_000).optional(),
  stack_trace: z.string().max(100_000).optional(),
  fields: z.record(z.string(), z.unknown()).optional(),
  trace_id: z.string().max(64).optional(),
  span_id: z.string().max(64).optional(),
  request_id: z.string().max(256).optional(),
});
export type ServiceLog = z.infer<typeof ServiceLog>;

/** A message or notification that was given up. @module */
import { z } from "zod";
import { Alert } from "./alert.ts";
import { Timestamp } from "./wire.ts";

/** A message of `alerts-dlq`. */
export const DeadLetter = z.object({
  id: z.string(),
  function: z.string(),
  topic: z.string(),
  key: z.string(),
  /** As it was received. */
  payload: z.string(),
  alert: Alert.optional(),
  dispatcher: z.string().optional(),
  error: z.string(),
  error_class: z.string(),
  attempts: z.number().int(),
  first_attempt_at: Timestamp,
  last_attempt_at: Timestamp,
  timestamp: Timestamp,
  trace_id: z.string().optional(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/** An attempt to deliver a notification: a line of the ledger. @module */

/** Times are epoch milliseconds. */
export interface DeliveryAttempt {
  readonly notification_id: string;
  readonly group_key: string;
  readonly receiver: string;
  readonly integration: string;
  readonly channel: string;
  readonly status: "firing" | "resolved";
  readonly notification_reason: string;
  readonly alert_ids: readonly string[];
  /** 1 for the first. */
  readonly attempt: number;
  readonly at: number;
  readonly duration_ms: number;
  readonly outcome: "delivered" | "retry" | "given_up";
  readonly failure?: string;
  readonly error?: string;
  readonly next_attempt_at?: number;
  readonly trace_id?: string;
}

/** What the simulated payment gateway is like: slow partners, declines, several ways to fail. @module */
import type { Profile } from "shared/simulation/profile.ts";

const payments: Profile = {
  name: "payments",
  day: {
    mean: 0.4,
    waves: [
      { per_day: 1, amplitude: 0.24, peak_hour: 17 },
      { per_day: 2, amplitude: 0.1, peak_hour: 8 },
    ],
    burst: 0.12,
  },
  request_rate: { quiet: 8, busy: 90 },
  latency: { p50: 160, p95: 360, p99: 780, utilisation: 0.45 },
  error_rate: { quiet: 0.8, busy: 2.6 },
  cpu: { quiet: 15, busy: 48 },
  memory: { quiet: 42, busy: 60 },
  measures: [
    { type: "payments_per_minute", unit: "1/min", quiet: 15, busy: 320 },
    { type: "declines_percent", unit: "percent", quiet: 6, busy: 9, trouble: 40 },
    { type: "gateway_timeouts_per_minute", unit: "1/min", quiet: 0.2, busy: 4, trouble: 120 },
    { type: "fraud_checks_per_minute", unit: "1/min", quiet: 15, busy: 330 },
  ],
  lines: {
    debug: [
      { caller: "gateway.ts:40", message: "Request for {payment_id} sent to {gateway}" },
      { caller: "fraud.ts:35", message: "Fraud score of {payment_id} is {score}" },
      { caller: "ledger.ts:28", message: "Ledger entry of {payment_id} balanced" },
    ],
    info: [
      {
        caller: "capture.ts:61",
        message: "Payment {payment_id} of {amount} EUR captured by {gateway}",
      },
      { caller: "authorize.ts:54", message: "Payment {payment_id} authorised in {duration_ms} ms" },
      { caller: "refund.ts:47", message: "Refund of {amount} EUR for {payment_id} is under way" },
    ],
    warn: [
      { caller: "authorize.ts:79", message: "Card declined for {payment_id}: {decline}" },
      { caller: "gateway.ts:68", message: "{gateway} is slow: {duration_ms} ms for {payment_id}" },
    ],
    error: [
      { caller: "gateway.ts:84", message: "Timeout at {gateway} for {payment_id}" },
      { caller: "webhook.ts:39", message: "Notice of {gateway} has a wrong signature" },
    ],
  },
  causes: {
    latency_spike: [
      {
        caller: "gateway.ts:71",
        message: "{gateway} answered {payment_id} after {duration_ms} ms",
      },
    ],
    error_burst: [
      { caller: "gateway.ts:87", message: "Timeout at {gateway} for {payment_id}, no retry left" },
      { caller: "authorize.ts:93", message: "Issuer network is away: {payment_id} declined" },
      { caller: "fraud.ts:66", message: "Fraud check cannot be reached, {payment_id} refused" },
      {
        caller: "three_d_secure.ts:42",
        message: "3-D Secure of {payment_id} ended in {gateway} error 502",
      },
    ],
    memory_leak: [
      { caller: "ledger.ts:73", message: "Cannot buffer entry of {payment_id}: heap is full" },
    ],
    outage: [{
      caller: "gateway.ts:22",
      message: "Every gateway refused the connection: {gateway}",
    }],
    flapping: [{
      caller: "gateway.ts:97",
      message: "{gateway} closed the connection at {payment_id}",
    }],
  },
  words: {
    payment_id: ["pay-######"],
    gateway: ["northpay", "cardlane", "eurogate"],
    amount: ["1#.90", "7#.25", "21#.00"],
    decline: ["insufficient_funds", "card_expired", "do_not_honour"],
    score: ["0.0#", "0.1#", "0.3#"],
  },
  incidents: { error_burst: 2 },
};

export default payments;

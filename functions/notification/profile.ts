/** What the simulated sender is like: four channels, each failing in its own measure. @module */
import type { Profile } from "shared/simulation/profile.ts";

/** Messages a minute when quiet and busy, and the percent of them that fail. */
const channels = {
  email: { sent: [40, 600], failing: [0.8, 1.6] },
  sms: { sent: [8, 120], failing: [2.4, 4] },
  push: { sent: [90, 1_500], failing: [1.6, 2.8] },
  webhook: { sent: [20, 260], failing: [3, 5.5] },
} as const;

const notification: Profile = {
  name: "notification",
  day: {
    mean: 0.38,
    waves: [
      { per_day: 1, amplitude: 0.22, peak_hour: 15 },
      { per_day: 2, amplitude: 0.09, peak_hour: 6 },
    ],
    burst: 0.15,
  },
  request_rate: { quiet: 12, busy: 150 },
  latency: { p50: 38, p95: 140, p99: 390, utilisation: 0.5 },
  error_rate: { quiet: 0.9, busy: 2.4 },
  cpu: { quiet: 10, busy: 44 },
  memory: { quiet: 40, busy: 56 },
  measures: Object.entries(channels).flatMap(([channel, { sent, failing }]) => [
    {
      type: "sent_per_minute",
      unit: "1/min",
      labels: { channel },
      quiet: sent[0],
      busy: sent[1],
    },
    {
      type: "delivery_failure_percent",
      unit: "percent",
      labels: { channel },
      quiet: failing[0],
      busy: failing[1],
      trouble: 60,
    },
  ]),
  lines: {
    debug: [
      { caller: "template.ts:26", message: "Template {template} rendered for {message_id}" },
      { caller: "queue.ts:48", message: "Message {message_id} queued for {channel}" },
      { caller: "preferences.ts:33", message: "{user_id} wants {channel}" },
    ],
    info: [
      {
        caller: "send.ts:58",
        message: "Message {message_id} sent by {channel} in {duration_ms} ms",
      },
      { caller: "receipt.ts:37", message: "Delivery of {message_id} by {channel} confirmed" },
      { caller: "digest.ts:44", message: "Digest {template} made for {user_id}" },
    ],
    warn: [
      { caller: "send.ts:81", message: "{channel} is slow: {message_id} took {duration_ms} ms" },
      { caller: "bounce.ts:29", message: "Message {message_id} bounced, attempt {attempt}" },
    ],
    error: [
      { caller: "email.ts:63", message: "Mailbox of {user_id} refused {message_id} with 550" },
      { caller: "sms.ts:52", message: "Number of {user_id} cannot be reached" },
      { caller: "push.ts:47", message: "Device token of {user_id} has expired" },
      { caller: "webhook.ts:71", message: "Endpoint of {user_id} answered {message_id} with 500" },
    ],
  },
  causes: {
    latency_spike: [
      { caller: "email.ts:80", message: "Mail relay {relay} took {duration_ms} ms" },
      { caller: "sms.ts:74", message: "SMS carrier took {duration_ms} ms for {message_id}" },
    ],
    error_burst: [
      { caller: "sms.ts:77", message: "SMS carrier refused {message_id}: quota is used up" },
      { caller: "email.ts:88", message: "Mail relay {relay} deferred {message_id} with 421" },
      { caller: "push.ts:61", message: "Push certificate has expired, {message_id} not sent" },
    ],
    memory_leak: [
      { caller: "queue.ts:90", message: "Cannot queue {message_id} for {channel}: heap is full" },
    ],
    outage: [{ caller: "queue.ts:21", message: "Queue of {channel} is away, {message_id} kept" }],
    flapping: [{ caller: "email.ts:31", message: "Mail relay {relay} dropped the connection" }],
  },
  words: {
    message_id: ["msg-######"],
    user_id: ["user-####"],
    channel: Object.keys(channels),
    template: ["order_placed", "password_reset", "receipt", "shipping"],
    relay: ["relay-1", "relay-2"],
    attempt: ["1", "2", "3"],
  },
};

export default notification;

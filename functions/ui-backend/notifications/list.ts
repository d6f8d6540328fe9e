/** Every attempt to deliver a notification, newest first. @module */
import { z } from "zod";
import { defineFunction, http } from "functions/define.ts";
import type { DeliveryAttempt } from "shared/model/attempt.ts";
import { attemptKind } from "shared/model/kinds.ts";
import { formatTime, Timestamp } from "shared/model/wire.ts";
import {
  anyOf,
  byNumber,
  byText,
  instant,
  type Orders,
  paged,
  Paging,
  sortBy,
  sorted,
} from "../paging.ts";

/** Most attempts that are looked through, newest first. */
const looked = 20_000;

const orders: Orders<DeliveryAttempt> = {
  timestamp: byNumber(({ at }) => at),
  receiver: byText(({ receiver }) => receiver),
  channel: byText(({ channel }) => channel),
  outcome: byText(({ outcome }) => outcome),
  attempt: byNumber(({ attempt }) => attempt),
};

const Attempt = z.object({
  notification_id: z.string(),
  group_key: z.string(),
  receiver: z.string(),
  integration: z.string(),
  channel: z.string(),
  status: z.enum(["firing", "resolved"]),
  notification_reason: z.string(),
  alert_ids: z.array(z.string()),
  attempt: z.number().int(),
  timestamp: Timestamp,
  duration_ms: z.number(),
  outcome: z.enum(["delivered", "retry", "given_up"]),
  failure: z.string().optional(),
  error: z.string().optional(),
  next_attempt_at: Timestamp.optional(),
  trace_id: z.string().optional(),
});

/** An attempt as the API shows it. */
function viewAttempt(
  { at, next_attempt_at, alert_ids, ...rest }: DeliveryAttempt,
): z.infer<typeof Attempt> {
  return {
    ...rest,
    alert_ids: [...alert_ids],
    timestamp: formatTime(at),
    ...(next_attempt_at === undefined ? {} : { next_attempt_at: formatTime(next_attempt_at) }),
  };
}

export default defineFunction({
  name: "ui-backend.list_notifications",
  on: http("GET /api/notifications", {
    access: "viewer",
    query: z.object({
      ...Paging,
      alert_id: z.string().max(256).optional(),
      receiver: anyOf(),
      channel: anyOf(),
      outcome: anyOf(["delivered", "retry", "given_up"]),
      from: instant,
      to: instant,
      sort: sortBy(orders, "-timestamp"),
    }),
    reply: z.array(Attempt),
    summary: `Delivery attempts of the last 7 days, of the newest ${looked}`,
  }),
  async handler({ query }, { store }) {
    const { from, to, alert_id, receiver, channel, outcome } = query;
    const attempts = await store.list(attemptKind, {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      order: "desc",
      limit: looked,
    });
    const found = attempts.map(({ value }) => value).filter((attempt) =>
      (!alert_id || attempt.alert_ids.includes(alert_id)) &&
      (!receiver || receiver.has(attempt.receiver)) &&
      (!channel || channel.has(attempt.channel)) &&
      (!outcome || outcome.has(attempt.outcome))
    );
    return paged(sorted(found, orders, query.sort), query, viewAttempt);
  },
});

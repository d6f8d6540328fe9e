/**
 * Attempts a delivery. What a destination does with it decides what comes next: done, another
 * attempt later (a due time in the store, never a wait), or the dead letter. Nothing is forgotten
 * before that is stored.
 *
 * @module
 */
import { defineFunction, due, Retryable } from "functions/define.ts";
import { afterFailure, patience } from "shared/alerting/backoff.ts";
import { newestEvent, type Notification } from "shared/alerting/notification.ts";
import { derivedId } from "shared/model/ids.ts";
import type { DeadLetter } from "shared/model/dead_letter.ts";
import { attemptKind } from "shared/model/kinds.ts";
import { alerts, alertsDlq } from "shared/model/topics.ts";
import { formatTime } from "shared/model/wire.ts";
import { put, remove, schedule } from "shared/store/port.ts";
import { startSpan, traceIdOf } from "shared/telemetry/trace.ts";
import { alerting, type Reachable } from "./alerting.ts";
import { type Attempt, DeliveryFailed } from "./dispatchers/dispatcher.ts";
import { redact, secretsOf } from "./dispatchers/redact.ts";
import { pace } from "./pace.ts";
import {
  deliveries,
  type Delivery,
  deliveryId,
  deliveryKind,
  ledger_ms,
  placeOf,
} from "./records.ts";

/** A destination that takes longer has failed. */
const timeout_ms = 10_000;

const name = "alert-engine.deliver";

export default defineFunction({
  name,
  on: due(deliveries, { perLane: 8 }),
  emits: [alertsDlq],
  async handler({ id }, ctx) {
    const { store, clock, now, save, emit, metrics, random } = ctx;
    const { line, place } = placeOf(id);
    const [stored, before] = await store.getMany(deliveryKind, [id, deliveryId(line, place - 1)]);
    // It ended already; or the one before it has not, and schedules this one when it does.
    if (!stored || before) return;
    const { notification, attempts, first_attempt_at = now } = stored.value;
    const lane = notification.integration;
    const integration = alerting(ctx).integration(notification.integration);
    const destination = integration?.dispatcher.destination ?? notification.integration;
    const turn = pace(ctx).turn(destination, id, now, integration?.dispatcher.pace_ms ?? 0);
    if (turn > now) return save(schedule(deliveries, id, turn, lane));

    const span = startSpan(`notify ${notification.channel}`, { parent: notification.traceparent });
    const failure = await span.run(() =>
      send(notification, integration, { ...ctx, traceparent: span.traceparent })
    );
    span.end(failure);
    const ended_at = clock.now();
    const failed = attempts + 1;
    const next = failure && afterFailure({
      failed,
      kind: failure.kind,
      after_ms: failure.after_ms,
      now: ended_at,
      random: random(),
      patience,
    });
    const outcome = !next ? "delivered" : next.kind === "retry" ? "retry" : "given_up";
    const next_attempt_at = next?.kind === "retry" ? next.at : undefined;
    if (failure?.after_ms) pace(ctx).block(destination, ended_at + failure.after_ms);

    metrics.add("notification_attempts_total", {
      receiver: notification.receiver,
      channel: notification.channel,
      outcome,
      reason: failure?.reason ?? "",
    });
    save(put(attemptKind, `${notification.id}/${failed}`, {
      notification_id: notification.id,
      group_key: notification.group_key,
      receiver: notification.receiver,
      integration: notification.integration,
      channel: notification.channel,
      status: notification.status,
      notification_reason: notification.reason,
      alert_ids: notification.alerts.map((alert) => alert.id),
      attempt: failed,
      at: now,
      duration_ms: ended_at - now,
      outcome,
      failure: failure?.reason,
      error: failure?.message,
      next_attempt_at,
      trace_id: traceIdOf(notification.traceparent),
    }, { rank: now, ttl_ms: ledger_ms }));

    if (next_attempt_at !== undefined) {
      const delivery: Delivery = { notification, attempts: failed, first_attempt_at };
      save(
        put(deliveryKind, id, delivery, { version: stored.version }),
        schedule(deliveries, id, next_attempt_at, lane),
      );
      return;
    }
    if (failure) {
      metrics.add("dead_letters_total", { function: "alert-engine.deliver" });
      emit(alertsDlq, deadLetter(notification, failure, failed, first_attempt_at, now));
    } else {
      metrics.observe(
        "notification_delay_seconds",
        { channel: notification.channel },
        Math.max(0, ended_at - newestEvent(notification)) / 1_000,
      );
    }
    save(
      // Whoever ended it first also said when the next one is due.
      remove(deliveryKind, id, stored.version),
      schedule(deliveries, deliveryId(line, place + 1), ended_at, lane),
    );
  },
});

/** One attempt; returns why it failed. @throws {Retryable} when it is called off in the middle */
async function send(
  notification: Notification,
  integration: Reachable | undefined,
  { signal, clock, now, log, traceparent }: Attempt & {
    clock: { sleep(ms: number, signal?: AbortSignal): Promise<void> };
  },
): Promise<DeliveryFailed | undefined> {
  if (!integration) {
    return new DeliveryFailed(
      "final",
      "not configured",
      `Cannot deliver to an integration as the configuration has it no more: current value is "${notification.integration}"`,
    );
  }
  const late = new AbortController();
  const done = new AbortController();
  const watch = clock.sleep(timeout_ms, done.signal).then(() => late.abort());
  try {
    await integration.dispatcher.dispatch(notification, {
      signal: AbortSignal.any([signal, late.signal]),
      now,
      log,
      traceparent,
    });
    return undefined;
  } catch (error) {
    if (signal.aborted) {
      const cause = failureOf(error, integration);
      throw new Retryable("Cannot deliver as the attempt was called off", { after: 0, cause });
    }
    return failureOf(error, integration);
  } finally {
    done.abort();
    await watch;
  }
}

/** Any error as one that names no secret of the integration. */
function failureOf(error: unknown, { entry }: Reachable): DeliveryFailed {
  const text = error instanceof Error ? error.message : String(error);
  const message = redact(text, secretsOf(entry));
  if (!(error instanceof DeliveryFailed)) return new DeliveryFailed("retry", "error", message);
  return message === error.message
    ? error
    : new DeliveryFailed(error.kind, error.reason, message, { after_ms: error.after_ms });
}

function deadLetter(
  notification: Notification,
  failure: DeliveryFailed,
  attempts: number,
  first_attempt_at: number,
  now: number,
): DeadLetter {
  const [alert] = notification.alerts;
  return {
    id: derivedId("dead letter", notification.id),
    function: name,
    topic: alerts.name,
    key: alert?.service_name ?? notification.group_key,
    payload: JSON.stringify(notification),
    alert,
    dispatcher: notification.integration,
    error: failure.message,
    error_class: failure.reason,
    attempts,
    first_attempt_at: formatTime(first_attempt_at),
    last_attempt_at: formatTime(now),
    timestamp: formatTime(now),
    trace_id: traceIdOf(notification.traceparent),
  };
}

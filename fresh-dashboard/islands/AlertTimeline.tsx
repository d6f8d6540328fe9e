/** What happened to an alert, and every attempt to tell somebody; as `AlertHead` keeps it. */
import type { Signal } from "@preact/signals";
import { Icon, type IconName } from "../components/Icon.tsx";
import { type AlertFile, type Delivery, isFollowed } from "../lib/alerts.ts";
import type { TimelineEntry } from "../lib/api.ts";
import * as text from "../text.ts";
import When from "./When.tsx";

const { alert: words } = text;

const events: Record<TimelineEntry["event"], { icon: IconName; look: string }> = {
  fired: { icon: "alerts", look: "text-critical" },
  resolved: { icon: "healthy", look: "text-ok" },
  acknowledged: { icon: "check", look: "text-accent" },
  notified: { icon: "out", look: "text-ink-3" },
};
const outcomes: Record<Delivery["outcome"], { icon: IconName; look: string }> = {
  delivered: { icon: "check", look: "text-ok" },
  retry: { icon: "warning", look: "text-warning" },
  given_up: { icon: "critical", look: "text-critical" },
};

export default function AlertTimeline({ file }: { file: Signal<AlertFile> }) {
  const { alert, deliveries } = file.value;
  return (
    <>
      <section class="card p-4" aria-labelledby="timeline">
        <h2 id="timeline" class="text-sm font-semibold text-ink">{words.timeline}</h2>
        <ol class="mt-3 grid gap-4 text-sm">
          {alert.timeline.map((entry) => (
            <li key={entry.event + entry.timestamp} class="flex gap-3">
              <Icon
                name={events[entry.event].icon}
                class={`mt-0.5 size-4 ${events[entry.event].look}`}
              />
              <div class="min-w-0">
                <p class="font-medium text-ink">
                  {words.event[entry.event]}
                  {entry.by && (
                    <bdi class="font-normal wrap-anywhere text-ink-2">
                      {" "}
                      {text.alerts.by(entry.by)}
                    </bdi>
                  )}
                </p>
                {entry.event !== "acknowledged" && (
                  <p
                    dir="auto"
                    class="line-clamp-3 wrap-anywhere text-ink-2"
                    title={entry.message.slice(0, 500)}
                  >
                    {entry.message.slice(0, 1_000)}
                  </p>
                )}
                {entry.note && (
                  <blockquote
                    dir="auto"
                    tabIndex={entry.note.length > 200 || entry.note.includes("\n") ? 0 : undefined}
                    class="mt-1 max-h-60 overflow-y-auto rounded-md bg-sunken px-3 py-2 wrap-anywhere whitespace-pre-wrap text-ink"
                  >
                    {entry.note}
                  </blockquote>
                )}
                <p class="text-xs text-ink-3">
                  <When at={entry.timestamp} />
                </p>
              </div>
            </li>
          ))}
        </ol>
      </section>
      <section class="card p-4" aria-labelledby="deliveries">
        <h2 id="deliveries" class="text-sm font-semibold text-ink">{words.deliveries}</h2>
        {deliveries === null || deliveries.length === 0
          ? (
            <p class="mt-2 text-sm text-ink-3">
              {deliveries ? words.noDeliveries : words.deliveriesAway}
            </p>
          )
          : (
            <ol class="mt-3 grid gap-4 text-sm">
              {deliveries.map((one) => ({ ...one, followed: isFollowed(one, deliveries) })).map((
                one,
              ) => (
                <li
                  key={`${one.notification_id} ${one.integration} ${one.attempt}`}
                  class="flex gap-3"
                >
                  <Icon
                    name={outcomes[one.outcome].icon}
                    class={`mt-0.5 size-4 ${outcomes[one.outcome].look}`}
                  />
                  <div class="min-w-0">
                    <p class="wrap-anywhere text-ink-2">
                      <span class="font-medium text-ink">
                        {words.outcome[one.followed ? "retried" : one.outcome]}
                      </span>{" "}
                      <bdi>{words.to(`${one.receiver} · ${one.channel}`)}</bdi>
                    </p>
                    <p class="text-xs text-ink-3">
                      {text.alerts.status[one.status]} · {words.attempt(one.attempt)} ·{" "}
                      {words.took(String(Math.round(one.duration_ms)))} · {one.notification_reason}
                    </p>
                    {one.error && (
                      <p
                        dir="auto"
                        class="mt-1 line-clamp-4 wrap-anywhere text-critical"
                        title={one.error.slice(0, 500)}
                      >
                        {one.error.slice(0, 1_000)}
                      </p>
                    )}
                    <p class="text-xs text-ink-3">
                      <When at={one.timestamp} />
                    </p>
                    {one.next_attempt_at && !one.followed && (
                      <p class="text-xs text-ink-3">
                        {words.nextTry} <When at={one.next_attempt_at} />
                      </p>
                    )}
                  </div>
                </li>
              ))}
            </ol>
          )}
      </section>
    </>
  );
}

/** What an alert is and how it stands, live; and the word that somebody takes care of it. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { AlertStatus } from "../components/AlertStatus.tsx";
import { Icon } from "../components/Icon.tsx";
import { Severity } from "../components/Severity.tsx";
import { type AlertFile, type Delivery, labelsOf } from "../lib/alerts.ts";
import type { AlertDetail, AlertSummary } from "../lib/api.ts";
import { formatDuration, formatNumber } from "../lib/format.ts";
import { clock, now, tick } from "../live/clock.ts";
import { live } from "../live/live.ts";
import { request, sentence } from "../live/request.ts";
import * as text from "../text.ts";
import When from "./When.tsx";

const { alert: words } = text;
/** Deliveries follow an alert by this long or so. */
const settle_ms = [300, 6_000];

export default function AlertHead({ file, mayAcknowledge }: {
  file: Signal<AlertFile>;
  mayAcknowledge: boolean;
}) {
  const { id } = file.value.alert;
  const working = useSignal(false);
  const failure = useSignal("");
  const outcome = useRef<HTMLParagraphElement>(null);
  const taken = useRef(false);
  useLayoutEffect(() => {
    if (taken.current) outcome.current?.focus();
    taken.current = false;
  });

  async function read(): Promise<void> {
    const path = encodeURIComponent(id);
    const [{ explanation: _, ...alert }, deliveries] = await Promise.all([
      request<AlertDetail>("GET", `/api/alerts/${path}`),
      request<Delivery[]>("GET", `/api/notifications?alert_id=${path}&limit=100`),
    ]);
    file.value = { ...file.value, alert, deliveries };
  }

  useEffect(() => {
    tick();
    let timers: ReturnType<typeof setTimeout>[] = [];
    // What could not be read now is read with the next message.
    const quietly = () => void read().catch(() => {});
    const end = live.subscribe({ types: ["alert"] }, ({ messages, gap }) => {
      const about = messages.map(({ payload }) => payload as AlertSummary)
        .filter((alert) => alert.id === id);
      const newest = about.at(-1);
      if (newest) {
        const { alert } = file.value;
        if (Date.parse(newest.timestamp) >= Date.parse(alert.timestamp)) {
          file.value = { ...file.value, alert: { ...alert, ...newest } };
        }
      }
      if (!newest && !gap) return;
      timers.forEach((timer) => clearTimeout(timer));
      timers = settle_ms.map((ms) => setTimeout(quietly, ms));
    });
    return () => {
      end();
      timers.forEach((timer) => clearTimeout(timer));
    };
  }, []);

  async function acknowledge(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (working.value) return;
    working.value = true;
    failure.value = "";
    const note = String(new FormData(event.currentTarget as HTMLFormElement).get("note")).trim();
    try {
      const path = `/api/alerts/${encodeURIComponent(id)}/acknowledge`;
      const { explanation: _, ...alert } = await request<AlertDetail>(
        "POST",
        path,
        note ? { note } : {},
      );
      file.value = { ...file.value, alert };
      // The form goes: what it did has the focus now.
      taken.current = true;
    } catch (error) {
      failure.value = sentence(error);
    }
    working.value = false;
  }

  const { alert } = file.value;
  const labels = labelsOf(alert);
  const firing = alert.status === "firing";
  const end = alert.ends_at ?? alert.resolved_at;
  const lasted = (firing || !end ? clock.value || now() : Date.parse(end)) -
    Date.parse(alert.starts_at);
  return (
    <header>
      <div class="flex flex-wrap items-center gap-2">
        <Severity level={alert.severity} />
        <AlertStatus status={alert.status} />
        {labels && (
          <span
            dir="auto"
            class="line-clamp-1 min-w-0 wrap-anywhere text-xs text-ink-2"
            title={labels}
          >
            {labels}
          </span>
        )}
      </div>
      <h1
        dir="auto"
        class="page-title mt-2 line-clamp-4 wrap-anywhere"
        title={alert.title.slice(0, 500)}
      >
        {alert.title.slice(0, 1_000).trim() || text.alerts.untitled}
      </h1>
      <p dir="auto" class="mt-1 line-clamp-6 max-w-prose wrap-anywhere text-ink-2">
        {alert.message.slice(0, 2_000)}
      </p>
      <dl class="mt-5 grid grid-cols-2 gap-4 sm:flex sm:flex-wrap sm:gap-x-10">
        <Fact
          name={firing ? words.value : words.lastValue}
          value={formatNumber(alert.current_value)}
        />
        <Fact name={words.fired} value={formatNumber(alert.value)} />
        {alert.threshold !== undefined && (
          <Fact name={words.threshold} value={limitOf(alert.type, alert.threshold)} />
        )}
        <Fact name={firing ? words.running : words.lasted} value={formatDuration(lasted)} />
      </dl>
      <div class="card mt-5 p-4">
        <p role="status" class="sr-only">{alert.acknowledged ? words.ack.done : ""}</p>
        {alert.acknowledged
          ? (
            <p
              ref={outcome}
              tabIndex={-1}
              class="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm text-ink-2 outline-none"
            >
              <Icon name="check" class="size-4 text-ok" />
              <span class="min-w-0 wrap-anywhere">
                {words.ack.done}{" "}
                <bdi class="font-medium text-ink">
                  {text.alerts.by(alert.acknowledged_by ?? "?")}
                </bdi>
              </span>
              {alert.acknowledged_at && (
                <span class="text-ink-3">
                  <When at={alert.acknowledged_at} />
                </span>
              )}
            </p>
          )
          : mayAcknowledge
          ? (
            <form method="post" onSubmit={acknowledge}>
              <div class="flex flex-wrap items-end gap-2">
                <label class="grid min-w-0 grow basis-60 gap-1 text-sm font-medium text-ink">
                  {words.ack.note}
                  <input
                    class="input"
                    name="note"
                    maxlength={2_000}
                    dir="auto"
                    autocomplete="off"
                    placeholder={words.ack.hint}
                  />
                </label>
                <button
                  type="submit"
                  class="button button-strong h-10"
                  data-key="a"
                  aria-busy={working.value}
                >
                  {words.ack.submit}
                </button>
              </div>
              <p class="mt-2 text-xs text-ink-3">
                {firing ? words.ack.lead : words.ack.leadOver}
              </p>
              {failure.value && (
                <p role="alert" class="mt-2 flex items-center gap-2 text-sm text-critical">
                  <Icon name="critical" />
                  {failure.value}
                </p>
              )}
            </form>
          )
          : <p class="text-sm text-ink-3">{words.ack.viewer}</p>}
      </div>
    </header>
  );
}

/** A threshold in its own measure: that of a detector is no value of the metric. */
function limitOf(type: string, threshold: number): string {
  const measure = type === "deviation_anomaly"
    ? words.deviations
    : type === "moving_avg_anomaly"
    ? words.offAverage
    : "";
  return `${formatNumber(threshold)}${measure}`;
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt class="text-xs text-ink-3">{name}</dt>
      <dd class="mt-0.5 text-lg font-semibold text-ink tabular-nums">{value}</dd>
    </div>
  );
}

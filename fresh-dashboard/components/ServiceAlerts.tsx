/** The alerts of a service in the chosen time, those that fire first. @module */
import type { ReadonlySignal } from "@preact/signals";
import Age from "../islands/Age.tsx";
import type { BriefAlert } from "../lib/brief.ts";
import { oneValue } from "../lib/filters.ts";
import { formatDuration } from "../lib/format.ts";
import { clock, now } from "../live/clock.ts";
import * as text from "../text.ts";
import { EmptyState } from "./EmptyState.tsx";
import { Name } from "./Name.tsx";
import { about } from "./RecentAlerts.tsx";
import { Severity } from "./Severity.tsx";

/** Rows; the page of alerts has them all. */
const most = 8;
const { alerts: words } = text.service;

export function ServiceAlerts({ service, alerts }: {
  service: string;
  alerts: ReadonlySignal<readonly BriefAlert[]>;
}) {
  const shown = [...alerts.value].sort((a, b) => Number(b.firing) - Number(a.firing)).slice(
    0,
    most,
  );
  return (
    <section class="card min-w-0 overflow-hidden" aria-labelledby="alerts">
      <div class="flex items-baseline justify-between gap-4 border-b border-line px-4 py-3">
        <h2 id="alerts" class="text-sm font-semibold text-ink">{words.title}</h2>
        <a
          href={`/alerts?service=${encodeURIComponent(oneValue(service))}`}
          class="truncate text-sm text-accent hover:underline"
        >
          {words.all}
        </a>
      </div>
      {shown.length === 0
        ? <EmptyState icon="healthy" title={words.none} />
        : (
          <ol class="divide-y divide-line">
            {shown.map((alert, place) => (
              <li key={place} class="relative px-4 py-2.5 hover:bg-hover">
                <div class="flex items-center justify-between gap-3">
                  <Severity level={alert.severity} />
                  <span class="text-xs text-ink-3">
                    <Age at={new Date(alert.start).toISOString()} />
                  </span>
                </div>
                <a
                  href={`/alerts/${encodeURIComponent(alert.id)}`}
                  class="mt-1 block text-sm font-medium text-ink outline-none after:absolute
                    after:inset-0 focus-visible:after:outline-2
                    focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
                >
                  <Name of={alert.title} />
                </a>
                <p class="flex gap-1.5 text-xs text-ink-3 tabular-nums">
                  <span class="shrink-0">{lasting(alert)}</span>
                  {about(alert) && (
                    <span class="min-w-0">
                      <Name of={`· ${about(alert)}`} />
                    </span>
                  )}
                </p>
              </li>
            ))}
          </ol>
        )}
    </section>
  );
}

function lasting({ firing, start, end }: BriefAlert): string {
  const time = formatDuration((end ?? (clock.value || now())) - start);
  return firing ? `${text.overview.recent.firing} ${words.firing(time)}` : words.lasted(time);
}

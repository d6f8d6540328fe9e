/**
 * The newest alerts. Rows are places: what is in them changes as alerts come, they do not move.
 *
 * @module
 */
import Age from "../islands/Age.tsx";
import type { BriefAlert } from "../lib/brief.ts";
import * as text from "../text.ts";
import { Name } from "./Name.tsx";
import { Severity } from "./Severity.tsx";

export function RecentAlerts({ alerts }: { alerts: readonly BriefAlert[] }) {
  const { recent } = text.overview;
  return (
    <ol class="divide-y divide-line">
      {alerts.map((alert, place) => (
        <li key={place} class="relative px-4 py-2.5 hover:bg-hover">
          <div class="flex items-center justify-between gap-3">
            <Severity level={alert.severity} />
            <span class="text-xs text-ink-3">
              <Age at={new Date(alert.changed).toISOString()} />
            </span>
          </div>
          <a
            href={`/alerts/${encodeURIComponent(alert.id)}`}
            class="mt-1 block text-sm font-medium text-ink outline-none after:absolute after:inset-0
              focus-visible:after:outline-2 focus-visible:after:-outline-offset-2
              focus-visible:after:outline-accent"
          >
            <Name of={alert.title} />
          </a>
          <p class="flex gap-1.5 text-xs text-ink-3">
            <span class="shrink-0">
              {alert.firing
                ? alert.acknowledged
                  ? `${recent.firing}, ${recent.acknowledged.toLowerCase()}`
                  : recent.firing
                : recent.resolved}
            </span>
            {about(alert) && (
              <span class="min-w-0">
                <Name of={`· ${about(alert)}`} />
              </span>
            )}
          </p>
        </li>
      ))}
    </ol>
  );
}

/** What tells an alert from others of its title: its metric and labels, of the one series. */
export function about({ metric, labels }: Pick<BriefAlert, "metric" | "labels">): string {
  return [metric, labels].filter(Boolean).join(" ");
}

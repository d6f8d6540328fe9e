/**
 * Alerts of the last 24 hours: a row for each service, a line for each alert from its beginning to
 * its end. Severity is the line's thickness as well as its colour.
 *
 * @module
 */
import type { BriefAlert } from "../lib/brief.ts";
import type { Severity } from "../lib/api.ts";
import { oneValue } from "../lib/filters.ts";
import { formatDuration } from "../lib/format.ts";
import { utc } from "../lib/time.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";
import { Name } from "./Name.tsx";

const day_ms = 86_400_000;
/** Services with a row of their own: those with the most alerts. */
const maxRows = 6;
/** More lines than this in one row cannot be told apart. */
const maxLines = 150;

const ranks = { info: 0, warning: 1, critical: 2 } as const;
const strokes: Record<Severity, { colour: string; width: number }> = {
  critical: { colour: "text-critical", width: 10 },
  warning: { colour: "text-warning", width: 6 },
  info: { colour: "text-info", width: 3 },
};

export function AlertHistory({ alerts, now }: { alerts: readonly BriefAlert[]; now: number }) {
  const from = now - day_ms;
  const rows = rowsOf(alerts.filter(({ start, end }) => (end ?? now) >= from && start <= now));
  const others = rows.slice(maxRows);
  return (
    <div>
      <ul class="grid gap-1">
        {rows.slice(0, maxRows).map(({ service, alerts }) => (
          <li
            key={service}
            class="grid grid-cols-[5.5rem_minmax(0,1fr)_2rem] items-center gap-3
              sm:grid-cols-[9rem_minmax(0,1fr)_2rem]"
          >
            <a
              href={`/alerts?service=${encodeURIComponent(oneValue(service))}`}
              class="rounded-sm text-sm text-ink-2 hover:text-ink hover:underline"
            >
              <Name of={service} />
            </a>
            <svg
              viewBox="-12 0 1464 20"
              preserveAspectRatio="none"
              class="h-6 w-full rounded-sm bg-sunken"
              role="img"
              aria-label={text.overview.history.row(
                service.slice(0, 100),
                alerts.length,
                alerts.filter(({ severity }) => severity === "critical").length,
              )}
            >
              {[360, 720, 1080].map((x) => (
                <path
                  key={x}
                  d={`M${x} 0V20`}
                  class="stroke-line"
                  vector-effect="non-scaling-stroke"
                />
              ))}
              {alerts.slice(0, maxLines).sort((a, b) => ranks[a.severity] - ranks[b.severity])
                .map((alert) => <Line key={alert.id} alert={alert} from={from} now={now} />)}
            </svg>
            <span class="text-right text-sm text-ink-2 tabular-nums" aria-hidden="true">
              {alerts.length}
            </span>
          </li>
        ))}
      </ul>
      <div class="mt-1 grid grid-cols-[5.5rem_minmax(0,1fr)_2rem] gap-3 sm:grid-cols-[9rem_minmax(0,1fr)_2rem]">
        <span class="truncate text-xs text-ink-3">
          {others.length > 0 && text.overview.history.others(others.length)}
        </span>
        <span class="flex justify-between text-xs text-ink-3" aria-hidden="true">
          {text.overview.history.hours.map((hour, i) => (
            <span key={hour} class={i % 2 ? "hidden sm:inline" : ""}>{hour}</span>
          ))}
        </span>
        <span class="text-right text-xs text-ink-3 tabular-nums">
          {others.length > 0 && others.reduce((sum, { alerts }) => sum + alerts.length, 0)}
        </span>
      </div>
    </div>
  );
}

function Line({ alert, from, now }: { alert: BriefAlert; from: number; now: number }) {
  const { colour, width } = strokes[alert.severity];
  const x = (ms: number) => ((ms - from) / day_ms * 1440).toFixed(1);
  const end = alert.end ?? now;
  return (
    <path
      d={`M${x(Math.max(alert.start, from))} 10H${x(Math.max(end, from))}`}
      class={colour}
      stroke="currentColor"
      stroke-width={width}
      stroke-linecap="round"
      vector-effect="non-scaling-stroke"
    >
      <title>
        {`${text.severity[alert.severity]} · ${alert.title} · ${
          utc(new Date(alert.start).toISOString())
        } · ${formatDuration(end - alert.start)}`}
      </title>
    </path>
  );
}

/** What the thickness and the colour of a line mean. */
export function HistoryLegend() {
  return (
    <ul class="flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-3">
      {(["critical", "warning", "info"] as const).map((level) => (
        <li key={level} class="flex items-center gap-1.5">
          <Icon name={level} class={`size-3.5 ${strokes[level].colour}`} />
          {text.overview.history.scale[level]}
        </li>
      ))}
    </ul>
  );
}

function rowsOf(alerts: readonly BriefAlert[]): { service: string; alerts: BriefAlert[] }[] {
  const rows = new Map<string, BriefAlert[]>();
  for (const alert of alerts) {
    const row = rows.get(alert.service);
    if (row) row.push(alert);
    else rows.set(alert.service, [alert]);
  }
  return [...rows].map(([service, alerts]) => ({ service, alerts }))
    .sort((a, b) => b.alerts.length - a.alerts.length || (a.service < b.service ? -1 : 1));
}

/** Why an alert fired, drawn: the window that was looked at, what was expected, and the limit. @module */
import type { AlertDetail } from "../lib/api.ts";
import { formatNumber } from "../lib/format.ts";
import { traceHref } from "../lib/lines.ts";
import { scaleOf } from "../lib/scale.ts";
import { exact } from "../lib/time.ts";
import * as text from "../text.ts";
import When from "../islands/When.tsx";
import { SeriesChart } from "./SeriesChart.tsx";

const { alert: words } = text;
/** Longest line of a log that is shown; the rest is in the log. */
const maxLine = 2_000;

/** Aggregates that are no values among those of the samples: they have no place in their chart. */
const ofOtherMeasure = ["sum", "count", "rate"];

/** What was expected, and the values beyond which it fires. */
export function expected(
  { type, threshold, explanation }: Pick<AlertDetail, "type" | "threshold" | "explanation">,
): { band?: [number, number]; limits: number[] } {
  if (threshold === undefined || !explanation) return { limits: [] };
  const { baseline, spread } = explanation;
  if (baseline === undefined) {
    // Of bursts each sample is a line of the log: their number is compared, not their value.
    const other = type === "error_burst" || type === "absence" ||
      ofOtherMeasure.includes(explanation.aggregation);
    return { limits: other ? [] : [threshold] };
  }
  const away = type === "moving_avg_anomaly"
    ? Math.abs(baseline) * threshold / 100
    : spread === undefined
    ? undefined
    : spread * threshold;
  if (away === undefined) return { limits: [] };
  return { band: [baseline - away, baseline + away], limits: [baseline - away, baseline + away] };
}

export function Explanation({ alert }: { alert: AlertDetail }) {
  const { explanation, metric_type, type, service_name } = alert;
  if (!explanation) return <p class="text-ink-3">{words.noWhy}</p>;
  const { samples, baseline, spread, log_lines } = explanation;
  const { band, limits } = expected(alert);
  // What was compared, where it is not simply the newest value.
  const aggregate = limits.length === 1 && explanation.aggregation !== "last";
  const level = aggregate ? explanation.score : baseline;
  const points = samples.map(({ timestamp, value }) => ({ t: Date.parse(timestamp), v: value }));
  const facts = [
    [words.comparison, explanation.comparison],
    [words.window, exact(explanation.window_size)],
    [words.aggregation, explanation.aggregation],
    ...(baseline === undefined ? [] : [[words.baseline, formatNumber(baseline)]]),
    ...(spread === undefined ? [] : [[words.spread, formatNumber(spread)]]),
    ...(baseline === undefined ? [] : [[words.score, formatNumber(explanation.score)]]),
  ];
  const values = points.map(({ v }) => v);
  const first = points.reduce((least, { t }) => Math.min(least, t), Infinity);
  const to = points.reduce((most, { t }) => Math.max(most, t), -Infinity);
  // All of the window, also where nothing was yet; unless its beginning was left out.
  const whole = samples.length === explanation.sample_count;
  const from = whole ? Math.min(first, to - explanation.window_size * 1_000) : first;
  const span = (to - from) / 1_000;
  return (
    <>
      <p dir="auto" class="wrap-anywhere text-ink-2">{explanation.reason}</p>
      {points.length > 1 && type !== "error_burst" && (
        <figure class="mt-4">
          <SeriesChart
            label={`${words.chart((metric_type ?? "").slice(0, 100))}. ${
              words.chartSaid(
                points.length,
                formatNumber(Math.min(...values)),
                formatNumber(Math.max(...values)),
              )
            }`}
            lines={[points]}
            from={from}
            to={to}
            scale={scaleOf([...values, ...limits, ...(level === undefined ? [] : [level])])}
            band={band}
            level={level}
            limits={limits}
            marks={[`−${exact(span)}`, `−${exact(span / 2)}`, words.atFiring]}
          />
          <figcaption class="mt-1 flex flex-wrap gap-x-4 gap-y-1 text-xs text-ink-3">
            <span>{words.shown(points.length, explanation.sample_count)}</span>
            {band && (
              <Key look="h-2.5 rounded-sm bg-accent-soft border border-line" name={words.band} />
            )}
            {level !== undefined && (
              <Key
                look="border-t-2 border-line-strong"
                name={aggregate
                  ? words.aggregate(explanation.aggregation, formatNumber(level))
                  : words.baseline}
              />
            )}
            {limits.length > 0 && (
              <Key look="border-t-2 border-dashed border-critical" name={words.threshold} />
            )}
          </figcaption>
        </figure>
      )}
      <dl class="mt-4 grid grid-cols-2 gap-x-6 gap-y-3 border-t border-line pt-4 text-sm sm:grid-cols-3">
        {facts.map(([name, value]) => (
          <div key={name} class="min-w-0">
            <dt class="text-xs text-ink-3">{name}</dt>
            <dd class="wrap-anywhere text-ink tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {log_lines && (
        <section class="mt-5" aria-labelledby="lines">
          <h3 id="lines" class="text-sm font-medium text-ink">
            {words.lines}{" "}
            <span class="font-normal text-ink-3">
              {words.linesLead(log_lines.length, explanation.sample_count)}
            </span>
          </h3>
          <ol class="mt-2 divide-y divide-line overflow-hidden rounded-md border border-line bg-canvas font-mono text-xs">
            {log_lines.map((line, i) => (
              <li
                key={i}
                class="grid gap-x-3 gap-y-1 px-3 py-2 sm:grid-cols-[auto_3.5rem_minmax(0,1fr)_auto]"
              >
                <span class="text-ink-3">
                  <When at={line.timestamp} />
                </span>
                <span class="font-semibold text-critical">{line.level}</span>
                <span
                  dir="auto"
                  // What scrolls is reached with the keyboard.
                  tabIndex={long(line.message) ? 0 : undefined}
                  class={`wrap-anywhere whitespace-pre-wrap text-ink ${
                    long(line.message) ? "max-h-40 overflow-y-auto" : ""
                  }`}
                >
                  {line.message.length > maxLine
                    ? `${line.message.slice(0, maxLine)}…`
                    : line.message}
                </span>
                {line.trace_id && (
                  <a
                    class="rounded-sm text-ink-3 hover:text-accent hover:underline"
                    href={traceHref(service_name, line.trace_id)}
                    aria-label={text.service.logs.trace(line.trace_id.slice(0, 8))}
                    title={text.service.logs.trace(line.trace_id.slice(0, 100))}
                  >
                    {line.trace_id.slice(0, 8)}
                  </a>
                )}
              </li>
            ))}
          </ol>
        </section>
      )}
    </>
  );
}

/** Whether a line of a log takes more room than it may. */
function long(message: string): boolean {
  return message.length > 300 || message.includes("\n");
}

function Key({ look, name }: { look: string; name: string }) {
  return (
    <span class="inline-flex items-center gap-1.5">
      <span class={`inline-block w-5 ${look}`} aria-hidden="true"></span>
      {name}
    </span>
  );
}

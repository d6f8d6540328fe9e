/**
 * One chart of a service: its name, its values now or at the cross-hair, and its lines. The server
 * draws the lines as SVG; in the browser chart.js goes on from there.
 *
 * @module
 */
import type { ReadonlySignal, Signal } from "@preact/signals";
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { LineChart, Picture } from "../chart/line_chart.ts";
import { type BriefAlert, spansOf } from "../lib/brief.ts";
import { formatNumber, formatValue, timeOfDay } from "../lib/format.ts";
import {
  type Group,
  holeOf,
  nearest,
  scaleOf,
  type Series,
  type Threshold,
} from "../lib/series.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";
import { Name } from "./Name.tsx";
import { sparkPath } from "./Sparkline.tsx";

/** Characters of a limit over the lines. */
const maxLabel = 30;
const inks = ["text-chart-1", "text-chart-2", "text-chart-3", "text-chart-4"];
const marks = { critical: "text-critical", warning: "text-warning", info: "text-info" } as const;
const edges = { critical: 4, warning: 2.5, info: 1.5 } as const;

export interface View {
  from: number;
  to: number;
  step_ms: number;
}

export function MetricChart({ group, all, version, view, cursor, alerts, thresholds }: {
  group: Group;
  all: ReadonlyMap<string, Series>;
  /** Moves when there is more in `all`. */
  version: ReadonlySignal<number>;
  view: ReadonlySignal<View>;
  /** Epoch milliseconds; one for all charts. */
  cursor: Signal<number | null>;
  alerts: ReadonlySignal<readonly BriefAlert[]>;
  thresholds: readonly Threshold[];
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const chart = useRef<LineChart | null>(null);
  const visible = useRef(false);
  const ready = useSignal(false);

  const picture = (): Picture => {
    const { from, to, step_ms } = view.value;
    const lines = linesOf(group, all);
    return {
      from,
      to,
      ...scaleOf(lines, thresholds, from),
      lines: lines.map(({ t, v, low, high }, i) => ({
        t,
        v,
        low,
        high,
        colour: `chart-${i + 1}`,
        hole: holeOf(t, step_ms),
      })),
      bands: spansOf(alertsOn(group, alerts.value), to).map(({ severity, ...span }) => ({
        ...span,
        colour: severity,
        edge: edges[severity],
      })),
      levels: thresholds.map((threshold) => ({
        value: threshold.value,
        label: limit(threshold, group).slice(0, maxLabel),
        colour: threshold.severity,
      })),
      value: formatNumber,
      time: (t) => timeOfDay(t, false, to - from <= 300_000),
    };
  };
  useSignalEffect(() => {
    // Read though there is no chart yet, so that this runs again when it moves.
    const at = cursor.value;
    chart.current?.point(at);
  });
  useSignalEffect(() => {
    // Told, so that this runs again when it moves.
    version.value;
    const next = picture();
    if (visible.current) chart.current?.show(next);
  });
  useEffect(() => {
    let gone = false;
    const observer = new IntersectionObserver(([entry]) => {
      visible.current = entry!.isIntersecting;
      if (visible.current) chart.current?.show(picture());
    }, { rootMargin: "100px" });
    observer.observe(canvas.current!);
    void import("../chart/line_chart.ts").then(({ LineChart }) => {
      if (gone) return;
      chart.current = new LineChart(canvas.current!, picture());
      ready.value = true;
    });
    return () => {
      gone = true;
      observer.disconnect();
      chart.current?.destroy();
    };
  }, []);

  const point = (event: PointerEvent) => {
    if (!chart.current) return;
    const { left } = canvas.current!.getBoundingClientRect();
    const { from, to } = view.value;
    cursor.value = Math.min(to, Math.max(from, chart.current.timeAt(event.clientX - left)));
  };
  const key = (event: KeyboardEvent) => {
    const { from, to } = view.value;
    const by = (to - from) / 60 * (event.key === "ArrowLeft" ? -1 : 1);
    if (event.key === "Escape") cursor.value = null;
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      cursor.value = Math.min(to, Math.max(from, (cursor.value ?? to) + by));
      event.preventDefault();
    }
  };

  return (
    <section class="card flex min-w-0 flex-col p-4 pb-2" aria-label={group.title.slice(0, 200)}>
      <ChartHead {...{ group, all, version, cursor, thresholds, view }} />
      <div
        class="relative mt-2 h-44 touch-pan-y rounded-sm"
        role="img"
        tabIndex={0}
        aria-label={describe(group, all)}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() =>
          cursor.value = null}
        onKeyDown={key}
        onBlur={() =>
          cursor.value = null}
      >
        {!ready.value && <FirstLines {...{ group, all, thresholds }} view={view.peek()} />}
        <canvas ref={canvas} class="absolute inset-0" />
      </div>
    </section>
  );
}

/** Alerts on the metrics of a chart; those without a metric are bursts of errors. */
function alertsOn({ lines }: Group, alerts: readonly BriefAlert[]): BriefAlert[] {
  const metrics = new Set(lines.map(({ metric }) => metric));
  return alerts.filter(({ metric = "error_rate" }) => metrics.has(metric));
}

/** `> 80%`; with the line's name where it is the limit of only one of several. */
function limit({ value, operator, metric }: Threshold, { lines, unit }: Group): string {
  const of = lines.filter((one) => one.metric === metric);
  const line = lines.length > 1 && of.length === 1 ? of[0]!.name : undefined;
  return `${line ? `${line.slice(0, 20)} ` : ""}${operator} ${formatValue(value, unit)}`;
}

function linesOf({ lines }: Group, all: ReadonlyMap<string, Series>): Series[] {
  return lines.flatMap(({ key }) => all.get(key) ?? []);
}

function ChartHead({ group, all, version, cursor, thresholds, view }: {
  group: Group;
  all: ReadonlyMap<string, Series>;
  version: ReadonlySignal<number>;
  view: ReadonlySignal<View>;
  cursor: ReadonlySignal<number | null>;
  thresholds: readonly Threshold[];
}) {
  version.value;
  const at = cursor.value;
  const { step_ms } = view.peek();
  const many = group.lines.length > 1;
  return (
    <div>
      <div class="flex items-baseline justify-between gap-3">
        <h3 class="min-w-0 flex-1 text-sm font-semibold text-ink">
          <Name of={group.title} />
        </h3>
        {at === null && thresholds.slice(0, 2).map((threshold) => (
          <span
            key={threshold.rule}
            class={`flex min-w-0 max-w-1/2 items-center gap-1 text-xs tabular-nums ${
              marks[threshold.severity]
            }`}
            title={text.service.threshold(threshold.rule.slice(0, 200))}
          >
            <Icon name={threshold.severity} class="size-3.5" />
            <bdi class="truncate">{limit(threshold, group)}</bdi>
          </span>
        ))}
        <span class="text-xs whitespace-nowrap text-ink-3 tabular-nums">
          {at !== null ? timeOfDay(at, false) : group.more > 0 ? text.service.more(group.more) : ""}
        </span>
      </div>
      <ul class="mt-1 grid h-9 grid-cols-4 content-start gap-x-3 overflow-hidden">
        {group.lines.map(({ key, name }, i) => {
          const one = all.get(key);
          const value = at === null
            ? one?.last
            : one?.v[nearest(one.t, at, holeOf(one.t, step_ms))];
          return (
            <li key={key} class={many ? "min-w-0" : "col-span-4"}>
              {many && (
                <span class={`flex min-w-0 items-center gap-1 text-[0.6875rem]/4 ${inks[i]}`}>
                  <svg class="h-2 w-2.5 shrink-0" viewBox="0 0 10 8" aria-hidden="true">
                    <path d="M0 4H10" stroke="currentColor" stroke-width="2.5" />
                  </svg>
                  <span class="min-w-0 text-ink-3">
                    <Name of={name} />
                  </span>
                </span>
              )}
              <span
                class={`block truncate font-medium text-ink tabular-nums ${
                  many ? "text-sm" : "text-lg"
                }`}
              >
                {value === undefined ? text.vitals.none : formatValue(value, group.unit)}
              </span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** The lines before any script runs, about where the chart will have them. */
function FirstLines({ group, all, thresholds, view: { from, to, step_ms } }: {
  group: Group;
  all: ReadonlyMap<string, Series>;
  thresholds: readonly Threshold[];
  view: View;
}) {
  const lines = linesOf(group, all);
  const scale = scaleOf(lines, thresholds, from);
  return (
    <svg
      viewBox="0 0 100 100"
      preserveAspectRatio="none"
      class="absolute top-2 bottom-6 left-11.5 h-[calc(100%-2rem)] w-[calc(100%-3.375rem)]"
      fill="none"
      aria-hidden="true"
    >
      {lines.map((line, i) => (
        <path
          key={i}
          class={inks[i]}
          stroke="currentColor"
          stroke-width="1.5"
          stroke-linejoin="round"
          stroke-linecap="round"
          vector-effect="non-scaling-stroke"
          d={sparkPath(
            line.t.map((t, j) => ({ t, v: line.v[j]! })),
            from,
            to,
            holeOf(line.t, step_ms),
            scale,
          )}
        />
      ))}
    </svg>
  );
}

function describe(group: Group, all: ReadonlyMap<string, Series>): string {
  const value = (v: number) => formatValue(v, group.unit);
  const says = group.lines.flatMap(({ key, name }) => {
    const one = all.get(key);
    if (!one || one.v.length === 0) return [];
    const [low, high] = one.v.reduce(
      ([low, high], v) => [Math.min(low, v), Math.max(high, v)],
      [Infinity, -Infinity],
    );
    return [text.service.says(name.slice(0, 100), value(one.last), value(low), value(high))];
  });
  return text.service.chart(group.title.slice(0, 200), says.join("; "));
}

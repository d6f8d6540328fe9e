/**
 * The last hour of the series that a rule would watch, with its threshold as a line that can be
 * dragged, or moved with the arrow keys. Part of the form's island.
 *
 * @module
 */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ServiceSample } from "../lib/api.ts";
import { formatNumber, unitSign } from "../lib/format.ts";
import type { Draft } from "../lib/rules.ts";
import { roundStep, type Scale, scaleOf, spreadOf } from "../lib/scale.ts";
import { now } from "../live/clock.ts";
import { request, RequestError } from "../live/request.ts";
import * as text from "../text.ts";
import { type ChartPoint, placeOf, plotHeight, SeriesChart } from "./SeriesChart.tsx";

const { preview: words } = text.ruleForm;
const hour_ms = 3_600_000;
const pause_ms = 250;
/** Series of one metric that can be told apart. */
const mostLines = 4;
/** Moves of the line by one key: this part of the scale. */
const steps = 100;

interface Loaded {
  service: string;
  metric: string;
  lines: ChartPoint[][];
  unit: string;
  to: number;
}

export function RulePreview({ draft, services, mayChange, onThreshold }: {
  draft: Draft;
  services: readonly string[];
  mayChange: boolean;
  onThreshold: (value: string) => void;
}) {
  const chosen = useSignal("");
  const loaded = useSignal<Loaded | null>(null);
  const state = useSignal<"idle" | "loading" | "empty" | "away">("idle");
  const held = useSignal<Scale | null>(null);
  const metric = draft.metric_type.trim();
  const service = draft.service_name.trim() === "*"
    ? chosen.value || services[0] || ""
    : draft.service_name.trim();
  const burst = draft.type === "error_burst";
  const wanted = !burst && service !== "" && metric !== "" && metric !== "*";

  useEffect(() => {
    if (!wanted) {
      loaded.value = null;
      state.value = "idle";
      return;
    }
    state.value = "loading";
    const asking = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const query = new URLSearchParams({ window: "1h", metric_type: metric, step: "30s" });
        const samples = await request<ServiceSample[]>(
          "GET",
          `/api/services/${encodeURIComponent(service)}/metrics?${query}`,
          undefined,
          asking.signal,
        );
        loaded.value = { service, metric, ...linesOf(samples), to: now() };
        state.value = samples.length > 0 ? "idle" : "empty";
      } catch (error) {
        if (asking.signal.aborted) return;
        loaded.value = null;
        state.value = error instanceof RequestError && error.status === 404 ? "empty" : "away";
      }
    }, pause_ms);
    return () => {
      clearTimeout(timer);
      asking.abort();
    };
  }, [wanted, service, metric]);

  const data = loaded.value;
  const values = data?.lines.flat().map(({ v }) => v) ?? [];
  const threshold = Number(draft.threshold.trim().replace(",", ".") || "NaN");
  const where = placing(draft.type || "threshold", values);
  const limits = Number.isFinite(threshold) && where ? where.limits(threshold) : [];
  const scale = held.value ?? scaleOf([...values, ...limits]);
  // Of the values alone: a key moves as far wherever the line is.
  const ground = scaleOf(values);
  const step = roundStep((ground.high - ground.low) / (where?.size ?? 1) / steps);

  return (
    <section
      class="card min-w-0 p-4 xl:sticky xl:top-6"
      aria-labelledby="preview"
      aria-busy={state.value === "loading"}
    >
      <div class="flex flex-wrap items-center justify-between gap-2">
        <h2 id="preview" class="text-sm font-semibold text-ink">{words.title}</h2>
        {draft.service_name.trim() === "*" && services.length > 0 && !burst && (
          <label class="flex min-w-0 items-center gap-2 text-xs whitespace-nowrap text-ink-3">
            {words.service}
            <select
              class="input input-small max-w-44 min-w-0"
              onChange={(event) => chosen.value = event.currentTarget.value}
            >
              {services.map((one) => (
                <option key={one} value={one} selected={one === service}>{one}</option>
              ))}
            </select>
          </label>
        )}
      </div>
      {data && values.length > 0
        ? (
          <>
            <div class="mt-3">
              <SeriesChart
                label={words.series(data.metric.slice(0, 100), data.service.slice(0, 100))}
                lines={data.lines}
                from={data.to - hour_ms}
                to={data.to}
                scale={scale}
                limits={where && where.limits(1).length === 2 ? limits.slice(0, 1) : []}
                {...(limits.length === 2
                  ? { band: [limits[0]!, limits[1]!] as [number, number] }
                  : {})}
                marks={[60, 40, 20, 0].map(words.ago)}
                unit={unitSign(data.unit)}
              >
                {where && limits.length > 0 && (
                  <Handle
                    value={limits.at(-1)!}
                    threshold={threshold}
                    scale={scale}
                    mayChange={mayChange}
                    onHold={(on) => held.value = on ? scale : null}
                    onMove={(value) =>
                      onThreshold(rounded(where.threshold(value), scale, where.size))}
                    onStep={(by) => onThreshold(plain(threshold + by * step))}
                  />
                )}
              </SeriesChart>
            </div>
            {limits.length > 0 && (
              <p class="mt-2 text-sm text-ink tabular-nums" aria-live="polite">
                {words.beyond(
                  values.filter((value) => beyond(value, draft, limits)).length,
                  values.length,
                )}
              </p>
            )}
            <p class="mt-1 text-xs text-ink-3">
              {mayChange && limits.length > 0 ? `${words.drag} ` : ""}
              {limits.length === 2 && words.approximate}
            </p>
          </>
        )
        : (
          <p class="grid h-54 place-items-center px-4 text-center text-sm text-pretty text-ink-3">
            {burst
              ? words.burst
              : !wanted
              ? words.none
              : state.value === "away"
              ? words.away
              : state.value === "empty"
              ? words.noData
              : words.loading}
          </p>
        )}
    </section>
  );
}

function Handle({ value, threshold, scale, mayChange, onHold, onMove, onStep }: {
  value: number;
  threshold: number;
  scale: Scale;
  mayChange: boolean;
  onHold: (on: boolean) => void;
  onMove: (value: number) => void;
  onStep: (by: number) => void;
}) {
  const line = useRef<SVGGElement>(null);
  const y = Math.min(Math.max(placeOf(value, scale), 0), plotHeight);
  const move = (event: PointerEvent) => {
    if (!line.current!.hasPointerCapture(event.pointerId)) return;
    const top = line.current!.ownerSVGElement!.getBoundingClientRect().top;
    const at = Math.min(Math.max(event.clientY - top, 0), plotHeight);
    onMove(scale.high - at / plotHeight * (scale.high - scale.low));
  };
  const release = (event: PointerEvent) => {
    line.current!.releasePointerCapture(event.pointerId);
    onHold(false);
  };
  const key = (event: KeyboardEvent) => {
    const by =
      { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[
        event.key
      ];
    if (!by) return;
    event.preventDefault();
    onStep(by * (event.shiftKey ? 10 : 1));
  };
  const act = mayChange
    ? {
      tabindex: 0,
      onKeyDown: key,
      onPointerDown: (event: PointerEvent) => {
        event.preventDefault();
        line.current!.setPointerCapture(event.pointerId);
        line.current!.focus();
        onHold(true);
      },
      onPointerMove: move,
      onPointerUp: release,
      onPointerCancel: release,
      class: "threshold cursor-ns-resize touch-none",
    }
    : { "aria-disabled": true };
  return (
    <g
      ref={line}
      role="slider"
      aria-label={words.threshold}
      aria-orientation="vertical"
      aria-valuenow={ariaNumber(threshold)}
      aria-valuetext={formatNumber(threshold)}
      aria-valuemin={ariaNumber(Math.min(scale.low, threshold))}
      aria-valuemax={ariaNumber(Math.max(scale.high, threshold))}
      {...act}
    >
      <rect x="0" width="100%" y={y - 12} height={24} fill="transparent" />
      <line
        x1="0"
        x2="100%"
        y1={y}
        y2={y}
        class="stroke-critical"
        stroke-width="1.75"
        stroke-dasharray="5 4"
      />
      <svg x="100%" y={y} overflow="visible" aria-hidden="true">
        <rect x={-46} y={-10} width={46} height={20} rx={5} class="fill-critical" />
        <text
          x={-23}
          y={4}
          text-anchor="middle"
          class="fill-surface font-semibold tabular-nums"
        >
          {formatNumber(threshold)}
        </text>
      </svg>
    </g>
  );
}

/** The series of the answer, those with the most points, and their unit. */
function linesOf(samples: readonly ServiceSample[]): { lines: ChartPoint[][]; unit: string } {
  const series = new Map<string, ChartPoint[]>();
  for (const { labels, timestamp, value } of samples) {
    const key = JSON.stringify(labels);
    const points = series.get(key) ?? [];
    points.push({ t: Date.parse(timestamp), v: value });
    series.set(key, points);
  }
  const lines = [...series.values()].sort((a, b) => b.length - a.length).slice(0, mostLines);
  return { lines, unit: samples[0]?.unit ?? "" };
}

/** Where a threshold of a type of rule is among the values, and back. */
interface Placing {
  limits(threshold: number): number[];
  threshold(value: number): number;
  /** How much of the value one unit of the threshold is. */
  size: number;
}

function placing(type: string, values: readonly number[]): Placing | undefined {
  if (type === "threshold") {
    return { limits: (value) => [value], threshold: (value) => value, size: 1 };
  }
  const { mean, spread } = spreadOf(values);
  const size = type === "moving_average"
    ? Math.abs(mean) / 100
    : type === "zscore" || type === "anomaly"
    ? spread
    : 0;
  if (size === 0) return undefined;
  return {
    limits: (threshold) => [mean - threshold * size, mean + threshold * size],
    threshold: (value) => Math.max((value - mean) / size, 0.1),
    size,
  };
}

/** As many figures as the eye can place on the scale. */
function rounded(threshold: number, { low, high }: Scale, size: number): string {
  const step = roundStep((high - low) / size / 400);
  return plain(Math.round(threshold / step) * step);
}

/** Without what binary fractions leave behind. */
function plain(value: number): string {
  return String(Number(value.toPrecision(10)));
}

function beyond(value: number, { operator, type }: Draft, limits: readonly number[]): boolean {
  const [low, high] = limits;
  if (high !== undefined) return value < low! || value > high;
  switch (operator || (type && type !== "threshold" ? ">=" : ">")) {
    case ">":
      return value > low!;
    case ">=":
      return value >= low!;
    case "<":
      return value < low!;
    case "<=":
      return value <= low!;
    case "==":
      return value === low!;
    default:
      return value !== low!;
  }
}

/** About the number, written without an exponent: ARIA knows none. The text beside it is exact. */
function ariaNumber(value: number): number {
  return Math.abs(value) < 1e-6 ? 0 : Math.min(Math.max(value, -1e20), 1e20);
}

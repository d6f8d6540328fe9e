/**
 * Lines over time, with what is expected as a band and limits as dashed lines: an SVG whose text
 * keeps its size at any width. Rendered on the server as well as in islands.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { formatNumber } from "../lib/format.ts";
import type { Scale } from "../lib/scale.ts";
import { utc } from "../lib/time.ts";

export interface ChartPoint {
  /** Epoch milliseconds. */
  t: number;
  v: number;
}

export const plotHeight = 176;
const top = 12;
const height = top + plotHeight + 28;
/** Points beyond this many have no dot and no text of their own. */
const mostDots = 120;

/** Where a value is, in pixels from the top of the plot. */
export function placeOf(value: number, { low, high }: Scale): number {
  const y = (high - value) / (high - low) * plotHeight;
  return Math.round(Math.min(Math.max(y, -1e4), 1e4) * 10) / 10;
}

const colours = ["text-chart-1", "text-chart-2", "text-chart-3", "text-chart-4"];

export function SeriesChart(
  { label, lines, from, to, scale, marks, band, level, limits = [], unit, children }: {
    label: string;
    lines: readonly (readonly ChartPoint[])[];
    from: number;
    to: number;
    scale: Scale;
    /** Texts below the plot, evenly spread. */
    marks: readonly string[];
    band?: readonly [low: number, high: number] | undefined;
    /** What the values are compared with: a line. */
    level?: number | undefined;
    limits?: readonly number[];
    unit?: string;
    /** Drawn over the plot, in its coordinates. */
    children?: ComponentChildren;
  },
) {
  const x = (t: number) => (t - from) / Math.max(1, to - from) * 100;
  const y = (value: number) => placeOf(value, scale);
  const dots = lines.length === 1 && lines[0]!.length <= mostDots ? lines[0]! : [];
  return (
    <div class="flex text-[0.6875rem] select-none">
      <svg class="w-12 shrink-0 fill-ink-3" height={height} text-anchor="end" aria-hidden="true">
        {scale.ticks.map((tick) => (
          <text key={tick} x={40} y={top + y(tick) + 4}>{formatNumber(tick)}</text>
        ))}
        {unit && <text x={40} y={top + plotHeight + 20}>{unit}</text>}
      </svg>
      <svg
        class="mr-2 w-0 grow"
        height={height}
        overflow="visible"
        role={children ? "group" : "img"}
        aria-label={label}
      >
        <svg y={top} height={plotHeight} overflow="visible">
          {scale.ticks.map((tick) => (
            <line key={tick} x1="0" x2="100%" y1={y(tick)} y2={y(tick)} class="stroke-line" />
          ))}
          {band && (
            <rect
              x="0"
              width="100%"
              y={y(band[1])}
              height={Math.max(1, y(band[0]) - y(band[1]))}
              class="fill-accent-soft"
            />
          )}
          {level !== undefined && (
            <line
              x1="0"
              x2="100%"
              y1={y(level)}
              y2={y(level)}
              class="stroke-line-strong"
              stroke-width="1.5"
            />
          )}
          <svg
            width="100%"
            height={plotHeight}
            viewBox={`0 0 100 ${plotHeight}`}
            preserveAspectRatio="none"
            overflow="visible"
          >
            {lines.map((points, i) => (
              <path
                key={i}
                d={points.map(({ t, v }, j) => `${j ? "L" : "M"}${x(t).toFixed(2)} ${y(v)}`).join(
                  "",
                )}
                fill="none"
                stroke="currentColor"
                stroke-width="1.75"
                stroke-linejoin="round"
                stroke-linecap="round"
                vector-effect="non-scaling-stroke"
                class={colours[i % colours.length]}
              />
            ))}
          </svg>
          {dots.map(({ t, v }, i) => (
            <circle
              key={i}
              cx={`${x(t).toFixed(2)}%`}
              cy={y(v)}
              r={i === dots.length - 1 ? 4 : 2.25}
              class={i === dots.length - 1
                ? "fill-critical stroke-surface"
                : dots.length > 40
                ? "fill-transparent"
                : "fill-chart-1"}
            >
              <title>{`${formatNumber(v)} · ${utc(new Date(t).toISOString())}`}</title>
            </circle>
          ))}
          {limits.map((limit, i) => (
            <g key={limit}>
              <line
                x1="0"
                x2="100%"
                y1={y(limit)}
                y2={y(limit)}
                class="stroke-critical"
                stroke-width="1.5"
                stroke-dasharray="5 4"
              />
              <text
                x="100%"
                // The lower one has its text below, unless that is where the times are.
                y={y(limit) +
                  (i === 0 && limits.length > 1 && y(limit) + 16 < plotHeight ? 14 : -5)}
                text-anchor="end"
                class="fill-critical stroke-surface font-medium"
                stroke-width="3"
                paint-order="stroke"
              >
                {formatNumber(limit)}
              </text>
            </g>
          ))}
          <g class="fill-ink-3" aria-hidden="true">
            {marks.map((mark, i) => (
              <text
                key={mark}
                x={`${i / Math.max(1, marks.length - 1) * 100}%`}
                y={plotHeight + 20}
                text-anchor={i === 0 ? "start" : i === marks.length - 1 ? "end" : "middle"}
              >
                {mark}
              </text>
            ))}
          </g>
          {children}
        </svg>
      </svg>
    </div>
  );
}

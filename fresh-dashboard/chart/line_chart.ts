/**
 * The door to chart.js: lines over time on a canvas, with bands, limits and a cross-hair, in the
 * colours of the page. Draws at most once a frame. Knows nothing of services and alerts.
 *
 * @module
 */
import {
  Chart,
  LinearScale,
  LineController,
  LineElement,
  type Plugin,
  PointElement,
} from "chart.js";

Chart.register(LineController, LineElement, PointElement, LinearScale);

/** A line: `t` ascending, in milliseconds; `low` and `high` where a point stands for several. */
export interface Line {
  t: readonly number[];
  v: readonly number[];
  low?: readonly number[] | undefined;
  high?: readonly number[] | undefined;
  /** A token of the page, e.g. `chart-1`. */
  colour: string;
  /** The longest way between two points that are joined. */
  hole: number;
}

/** A stretch of time that is marked; `edge` is how thick its upper edge is. */
export interface Band {
  from: number;
  to: number;
  colour: string;
  edge: number;
}

/** A level that is marked. */
export interface Level {
  value: number;
  label: string;
  colour: string;
}

export interface Picture {
  from: number;
  to: number;
  low: number;
  high: number;
  step: number;
  lines: readonly Line[];
  bands: readonly Band[];
  levels: readonly Level[];
  /** How values and times are written at the axes. */
  value(v: number): string;
  time(t: number): string;
}

/** Room for the numbers of the value axis: the same in all charts, so that times are below each other. */
export const axis_px = 46;
const font = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

export class LineChart {
  readonly #canvas: HTMLCanvasElement;
  readonly #chart: Chart<"line", { x: number; y: number }[]>;
  readonly #colours = new Map<string, string>();
  readonly #scheme = matchMedia("(prefers-color-scheme: dark)");
  readonly #repaint = () => {
    this.#colours.clear();
    this.#paint();
  };
  #picture: Picture;
  #cursor: number | null = null;
  #frame = 0;
  #cursorFrame = 0;

  constructor(canvas: HTMLCanvasElement, picture: Picture) {
    this.#canvas = canvas;
    this.#picture = picture;
    const tick = { font: { family: font, size: 11 }, color: () => this.#colour("ink-3") };
    this.#chart = new Chart(canvas, {
      type: "line",
      data: { datasets: [] },
      plugins: [this.#marks()],
      options: {
        animation: false,
        parsing: false,
        normalized: true,
        maintainAspectRatio: false,
        events: [],
        layout: { padding: { top: 8, right: 8 } },
        elements: { point: { radius: 0 }, line: { borderWidth: 1.5, borderJoinStyle: "round" } },
        scales: {
          x: {
            type: "linear",
            grid: { display: false },
            border: { display: false },
            afterBuildTicks: (scale) => {
              scale.ticks = timesBetween(scale.min, scale.max, scale.width)
                .map((value) => ({ value }));
            },
            ticks: {
              ...tick,
              maxRotation: 0,
              autoSkip: false,
              callback: (t) => this.#picture.time(Number(t)),
            },
          },
          y: {
            type: "linear",
            border: { display: false },
            grid: { color: () => this.#colour("line"), drawTicks: false },
            afterFit: (scale) => void (scale.width = axis_px),
            ticks: { ...tick, padding: 6, callback: (v) => this.#picture.value(Number(v)) },
          },
        },
      },
    });
    this.#paint();
    this.#scheme.addEventListener("change", this.#repaint);
  }

  /** Shows something else, with the next frame. */
  show(picture: Picture): void {
    this.#picture = picture;
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  /** Moves the cross-hair to a time, or takes it away. */
  point(cursor: number | null): void {
    if (cursor === this.#cursor) return;
    this.#cursor = cursor;
    this.#cursorFrame ||= requestAnimationFrame(() => {
      this.#cursorFrame = 0;
      this.#chart.draw();
    });
  }

  /** The time at a place of the canvas, in CSS pixels from its left edge. */
  timeAt(x: number): number {
    return this.#chart.scales.x!.getValueForPixel(x) ?? 0;
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    cancelAnimationFrame(this.#cursorFrame);
    this.#scheme.removeEventListener("change", this.#repaint);
    this.#chart.destroy();
  }

  #paint(): void {
    this.#frame = 0;
    const { from, to, low, high, step, lines } = this.#picture;
    const { x, y } = this.#chart.options.scales!;
    Object.assign(x!, { min: from, max: to });
    Object.assign(y!, { min: low, max: high });
    Object.assign(y!.ticks!, { stepSize: step });
    this.#chart.data.datasets = lines.map(({ t, v, colour, hole }) => ({
      data: t.map((x, i) => ({ x, y: v[i]! })),
      borderColor: this.#colour(colour),
      spanGaps: hole,
      pointRadius: t.map((at, i) =>
        at - (t[i - 1] ?? -Infinity) > hole && (t[i + 1] ?? Infinity) - at > hole ? 2.5 : 0
      ),
      pointBackgroundColor: this.#colour(colour),
      pointBorderWidth: 0,
    }));
    this.#chart.update("none");
  }

  #colour(token: string): string {
    let colour = this.#colours.get(token);
    if (!colour) {
      // A token has a light and a dark value; only a property of an element knows which one.
      this.#canvas.style.color = `var(--color-${token})`;
      this.#colours.set(token, colour = getComputedStyle(this.#canvas).color);
    }
    return colour;
  }

  /** What lies under and over the lines. */
  #marks(): Plugin<"line"> {
    return {
      id: "marks",
      beforeDatasetsDraw: ({ ctx, chartArea, scales: { x, y } }) => {
        const { left, top, right, bottom } = chartArea;
        const { bands, lines } = this.#picture;
        ctx.save();
        ctx.beginPath();
        ctx.rect(left, top - 4, right - left, bottom - top + 4);
        ctx.clip();
        for (const { from, to, colour, edge } of bands) {
          const start = x!.getPixelForValue(from);
          const width = Math.max(2, x!.getPixelForValue(to) - start);
          ctx.fillStyle = this.#colour(colour);
          ctx.globalAlpha = 0.1;
          ctx.fillRect(start, top, width, bottom - top);
          ctx.globalAlpha = 1;
          ctx.fillRect(start, top - 4, width, edge);
        }
        for (const { t, low, high, colour } of lines) {
          if (!low || !high || t.length < 2) continue;
          ctx.beginPath();
          t.forEach((at, i) => ctx.lineTo(x!.getPixelForValue(at), y!.getPixelForValue(high[i]!)));
          for (let i = t.length - 1; i >= 0; i--) {
            ctx.lineTo(x!.getPixelForValue(t[i]!), y!.getPixelForValue(low[i]!));
          }
          ctx.fillStyle = this.#colour(colour);
          ctx.globalAlpha = 0.12;
          ctx.fill();
          ctx.globalAlpha = 1;
        }
        ctx.restore();
      },
      afterDatasetsDraw: ({ ctx, chartArea: { left, top, right, bottom }, scales: { x, y } }) => {
        const { levels, lines } = this.#picture;
        const cursor = this.#cursor;
        ctx.save();
        ctx.font = `500 11px ${font}`;
        for (const { value, label, colour } of levels) {
          const height = Math.round(y!.getPixelForValue(value)) + 0.5;
          if (height < top || height > bottom) continue;
          ctx.strokeStyle = ctx.fillStyle = this.#colour(colour);
          ctx.setLineDash([5, 4]);
          ctx.beginPath();
          ctx.moveTo(left, height);
          ctx.lineTo(right, height);
          ctx.stroke();
          ctx.textAlign = "right";
          ctx.fillText(label, right - 2, height - top > 16 ? height - 4 : height + 12);
        }
        ctx.setLineDash([]);
        if (cursor !== null && cursor >= x!.min && cursor <= x!.max) {
          const at = Math.round(x!.getPixelForValue(cursor)) + 0.5;
          ctx.strokeStyle = this.#colour("line-strong");
          ctx.beginPath();
          ctx.moveTo(at, top);
          ctx.lineTo(at, bottom);
          ctx.stroke();
          for (const { t, v, colour, hole } of lines) {
            const i = nearestIndex(t, cursor);
            if (i < 0 || Math.abs(t[i]! - cursor) > hole) continue;
            ctx.fillStyle = this.#colour(colour);
            ctx.beginPath();
            ctx.arc(x!.getPixelForValue(t[i]!), y!.getPixelForValue(v[i]!), 3, 0, 2 * Math.PI);
            ctx.fill();
          }
        }
        ctx.restore();
      },
    };
  }
}

function nearestIndex(t: readonly number[], at: number): number {
  let found = -1;
  let distance = Infinity;
  for (let i = t.length - 1; i >= 0; i--) {
    const away = Math.abs(t[i]! - at);
    if (away > distance) break;
    [found, distance] = [i, away];
  }
  return found;
}

/** Steps of clocks, in milliseconds. */
const steps = [10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600]
  .map((s) => s * 1_000);
/** Pixels that the name of a time needs, with room around it. */
const timeWidth = 64;

/** Round times for the marks of an axis. */
function timesBetween(from: number, to: number, width: number): number[] {
  const step = steps.find((one) => (to - from) / one * timeWidth <= width) ?? steps.at(-1)!;
  // Round in the reader's zone.
  const zone = new Date(to).getTimezoneOffset() * 60_000;
  const times = [];
  for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to; t += step) times.push(t);
  return times;
}

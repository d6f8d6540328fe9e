/** A service, live: its charts, its log, its alerts and the rules that watch it. @module */
import { batch, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { AwayNote } from "../components/AwayNote.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Icon } from "../components/Icon.tsx";
import { LogPanel } from "../components/LogPanel.tsx";
import { MetricChart, type View } from "../components/MetricChart.tsx";
import { Name } from "../components/Name.tsx";
import { ServiceAlerts } from "../components/ServiceAlerts.tsx";
import { ServiceRules } from "../components/ServiceRules.tsx";
import { Status } from "../components/Severity.tsx";
import type { AlertSummary, ServiceSample, ServiceStatus, Stats } from "../lib/api.ts";
import { brief, type BriefAlert, withAlerts } from "../lib/brief.ts";
import { oneValue } from "../lib/filters.ts";
import { lineOf, type LogFilter, type LogLine, logQuery, passes, searchOf } from "../lib/lines.ts";
import {
  addSample,
  cutBefore,
  groupSeries,
  metricsQuery,
  type Range,
  ranges,
  seriesOf,
  thresholdsOf,
} from "../lib/series.ts";
import type { ServiceData } from "../lib/service.ts";
import type { ServiceLog } from "shared/model/log.ts";
import { clock, now, tick } from "../live/clock.ts";
import { live } from "../live/live.ts";
import { request, sentence } from "../live/request.ts";
import * as text from "../text.ts";
import Age from "./Age.tsx";

/** Lines that the page keeps. */
const maxLines = 300;
const maxAlerts = 300;
/** Samples that a pause keeps. */
const maxHeld = 50_000;
/** A chart moves on by no less than this part of its width. */
const finest = 1_500;

export default function ServicePage(data: ServiceData) {
  const { name } = data.view;
  const range = useSignal<Range>(data.range);
  const paused = useSignal(false);
  const version = useSignal(0);
  const cursor = useSignal<number | null>(null);
  const problem = useSignal("");
  const logProblem = useSignal(data.lines ? "" : text.service.failed);
  const status = useSignal<ServiceStatus>(data.view.status);
  const seen = useSignal(data.view.last_seen);
  const alerts = useSignal<readonly BriefAlert[]>(data.alerts);
  const lines = useSignal<readonly LogLine[]>(data.lines ?? []);
  const filter = useSignal<LogFilter>(data.filter);
  const frozen = useSignal(data.at);
  const all = useRef(useMemo(() => seriesOf(data.samples), []));
  const groups = useSignal(useMemo(() => groupSeries(all.current), []));
  /** What came while the page stood still. */
  const held = useRef<LogLine[]>([]);
  const heldSamples = useRef<ServiceSample[]>([]);
  const missed = useRef(false);

  const view = useComputed<View>(() => {
    const { ms, step_ms } = ranges[range.value];
    const at = paused.value ? frozen.value : clock.value || data.at;
    const grain = Math.max(1_000, Math.floor(ms / finest));
    const to = Math.ceil(at / grain) * grain;
    return { from: to - ms, to, step_ms };
  });
  const shownAlerts = useComputed(() => {
    const { from } = view.value;
    return alerts.value.filter(({ end = Infinity }) => end >= from);
  });

  const path = `/api/services/${encodeURIComponent(name)}/metrics`;
  const reading = useRef<AbortController>();
  /** Reads the samples of a range, and shows them when they are there. */
  const readSamples = async (next: Range) => {
    reading.current?.abort();
    const { signal } = reading.current = new AbortController();
    try {
      const query = new URLSearchParams({ ...metricsQuery(next) });
      const samples = await request<ServiceSample[]>("GET", `${path}?${query}`, undefined, signal);
      batch(() => {
        all.current = seriesOf(samples);
        heldSamples.current = [];
        groups.value = groupSeries(all.current);
        range.value = next;
        frozen.value = now();
        problem.value = "";
        version.value++;
      });
    } catch (error) {
      if (!signal.aborted) problem.value = sentence(error);
    }
  };
  const readingLines = useRef<AbortController>();
  const readLines = async () => {
    readingLines.current?.abort();
    const { signal } = readingLines.current = new AbortController();
    const from = new Date(now() - ranges[range.peek()].ms).toISOString();
    try {
      const query = new URLSearchParams({
        service: oneValue(name),
        from,
        limit: "100",
        ...logQuery(filter.peek()),
      });
      const found = await request<ServiceLog[]>("GET", `/api/logs?${query}`, undefined, signal);
      batch(() => {
        held.current = [];
        lines.value = found.map(lineOf).reverse();
        logProblem.value = "";
      });
    } catch (error) {
      if (!signal.aborted) logProblem.value = sentence(error);
    }
  };
  const choose = (next: Range) => {
    history.replaceState(null, "", searchOf(next, filter.peek()));
    void readSamples(next).then(readLines);
  };
  const first = useRef(true);
  useSignalEffect(() => {
    const { value } = filter;
    if (first.current) first.current = false;
    else {
      history.replaceState(null, "", searchOf(range.peek(), value));
      void readLines();
    }
  });

  useEffect(tick, []);
  useEffect(() =>
    live.subscribe(
      { types: ["metric", "log", "alert", "stats"], services: [name] },
      ({ messages, gap }) =>
        batch(() => {
          const samples: ServiceSample[] = [];
          const fresh: LogLine[] = [];
          const news: BriefAlert[] = [];
          for (const { type, payload } of messages) {
            if (type === "metric") {
              const sample = payload as ServiceSample;
              samples.push(sample);
              if (sample.timestamp > seen.peek()) seen.value = sample.timestamp;
            } else if (type === "log") {
              const log = payload as ServiceLog;
              if (passes(log, filter.peek())) fresh.push(lineOf(log));
            } else if (type === "alert") news.push(brief(payload as AlertSummary));
            else {
              const stat = (payload as Stats).service_stats
                .find(({ service_name }) => service_name === name);
              if (stat) status.value = stat.status;
            }
          }
          if (news.length > 0) {
            alerts.value = withAlerts(alerts.peek(), news).slice(0, maxAlerts);
            status.value = stateOf(alerts.peek(), status.peek());
          }
          if (fresh.length > 0) {
            held.current = [...held.current, ...fresh].slice(-maxLines);
            if (!paused.peek()) release();
          }
          if (gap && paused.peek()) missed.current = true;
          else if (gap) void readSamples(range.peek()).then(readLines);
          if (paused.peek()) hold(samples);
          else draw(samples);
        }),
    ), []);
  const draw = (samples: readonly ServiceSample[]) => {
    if (samples.length === 0) return;
    const { step_ms } = ranges[range.peek()];
    const added = samples.map((sample) => addSample(all.current, sample, step_ms));
    cutBefore(all.current, view.peek().from);
    if (added.includes(true)) groups.value = groupSeries(all.current);
    version.value++;
  };
  const hold = (samples: readonly ServiceSample[]) => {
    heldSamples.current.push(...samples);
    // Too much to keep: what is read at the end of the pause is as good.
    if (heldSamples.current.length > maxHeld) {
      heldSamples.current = [];
      missed.current = true;
    }
  };
  const release = () => {
    if (held.current.length === 0) return;
    const known = new Set(lines.peek().slice(-maxLines).map(({ id }) => id));
    const fresh = held.current.filter(({ id }) => !known.has(id));
    held.current = [];
    if (fresh.length > 0) lines.value = [...lines.peek(), ...fresh].slice(-maxLines);
  };
  const toggle = () =>
    batch(() => {
      if (!paused.peek()) frozen.value = now();
      paused.value = !paused.peek();
      if (paused.peek()) return;
      release();
      draw(heldSamples.current.splice(0));
      if (missed.current) void readSamples(range.peek()).then(readLines);
      missed.current = false;
    });

  return (
    <div class="grid grid-cols-1 gap-5">
      <header class="grid grid-cols-1 gap-3">
        <nav aria-label={text.service.back} class="text-sm">
          <a
            href="/services"
            class="inline-flex items-center gap-1 rounded-sm text-ink-3 hover:text-ink"
          >
            <Icon name="chevron" class="size-3.5 rotate-90" />
            {text.service.back}
          </a>
        </nav>
        <div class="flex flex-wrap items-center gap-x-3 gap-y-3">
          <div class="mr-auto min-w-0 max-w-full max-sm:basis-full">
            <div class="flex min-w-0 items-center gap-3">
              <h1 class="page-title min-w-0">
                <Name of={data.view.display_name} />
              </h1>
              <span class="shrink-0">
                <Status status={status.value} />
              </span>
            </div>
            <p class="mt-1 flex min-w-0 flex-wrap gap-x-3 text-xs text-ink-3">
              <span class="max-w-64 font-mono">
                <Name of={name} />
              </span>
              {data.view.version && (
                <span class="max-w-48 truncate" dir="auto">
                  {text.service.version} {data.view.version.slice(0, 100)}
                </span>
              )}
              <span>
                {text.service.seen} <Age at={seen.value} ago />
              </span>
              {paused.value && (
                <span class="font-medium text-warning">
                  {text.service.stands} <Age at={new Date(frozen.value).toISOString()} ago />
                </span>
              )}
            </p>
          </div>
          <Ranges range={range.value} filter={filter.value} choose={choose} />
          <button
            type="button"
            class="button sm:w-28"
            title={paused.value ? text.service.paused : undefined}
            onClick={toggle}
          >
            <PauseMark paused={paused.value} />
            <span class="max-sm:sr-only">
              {paused.value ? text.service.resume : text.service.pause}
            </span>
          </button>
        </div>
      </header>

      <section aria-labelledby="metrics">
        <h2 id="metrics" class="sr-only">{text.service.metrics}</h2>
        {problem.value && (
          <p
            role="alert"
            class="mb-4 flex items-center gap-3 rounded-lg bg-critical-soft px-4 py-2 text-sm
              text-critical"
          >
            <Icon name="warning" />
            <span class="flex-1">{problem.value}</span>
            <button type="button" class="button min-h-8" onClick={() => choose(range.peek())}>
              {text.service.retry}
            </button>
          </p>
        )}
        {groups.value.length === 0
          ? (
            <div class="card">
              <EmptyState
                icon="overview"
                title={text.service.noMetrics}
                lead={text.service.noMetricsLead}
              />
            </div>
          )
          : (
            <div class="grid grid-cols-[repeat(auto-fill,minmax(min(100%,20rem),1fr))] gap-4">
              {groups.value.map((group) => (
                <MetricChart
                  key={`${range.value} ${group.key} ${group.lines.length}`}
                  group={group}
                  all={all.current}
                  version={version}
                  view={view}
                  cursor={cursor}
                  alerts={shownAlerts}
                  thresholds={thresholdsOf(group, data.rules)}
                />
              ))}
            </div>
          )}
      </section>

      <div class="grid grid-cols-1 items-start gap-5 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <LogPanel
          lines={lines}
          filter={filter}
          problem={logProblem}
          retry={() => void readLines()}
        />
        <div class="grid min-w-0 grid-cols-1 gap-5 md:grid-cols-2 xl:grid-cols-1">
          <ServiceAlerts service={name} alerts={shownAlerts} />
          <ServiceRules rules={data.rules} />
        </div>
      </div>
      <AwayNote />
    </div>
  );
}

/** What the alerts say of the service, until the next numbers do. */
function stateOf(alerts: readonly BriefAlert[], before: ServiceStatus): ServiceStatus {
  if (before === "down") return before;
  const firing = alerts.filter((alert) => alert.firing);
  return firing.some(({ severity }) => severity === "critical")
    ? "critical"
    : firing.some(({ severity }) => severity === "warning")
    ? "warning"
    : "healthy";
}

function Ranges({ range, filter, choose }: {
  range: Range;
  filter: LogFilter;
  choose: (range: Range) => void;
}) {
  return (
    <nav
      aria-label={text.service.range}
      class="grid grow grid-cols-5 gap-0.5 rounded-lg bg-sunken p-0.5 sm:grow-0"
    >
      {(Object.keys(ranges) as Range[]).map((one) => (
        <a
          key={one}
          href={searchOf(one, filter)}
          aria-current={one === range ? "true" : undefined}
          class="rounded-md px-1.5 py-1.5 text-center whitespace-nowrap sm:px-2.5 text-xs text-ink-2 hover:text-ink
            aria-[current]:bg-thumb aria-[current]:font-medium aria-[current]:text-ink
            aria-[current]:shadow-soft"
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            choose(one);
          }}
        >
          {text.service.ranges[one]}
        </a>
      ))}
    </nav>
  );
}

function PauseMark({ paused }: { paused: boolean }) {
  return (
    <svg class="size-3.5 shrink-0" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">
      <path d={paused ? "M4 2.5v11l9.5-5.5z" : "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z"} />
    </svg>
  );
}

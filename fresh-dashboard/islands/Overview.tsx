/** The overview, live: figures, services, the last 24 hours, recent alerts, the pipeline. @module */
import { type Signal, useComputed, useSignal } from "@preact/signals";
import { AlertHistory, HistoryLegend } from "../components/AlertHistory.tsx";
import { AwayNote } from "../components/AwayNote.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Figure } from "../components/Figure.tsx";
import { Icon } from "../components/Icon.tsx";
import { Pipeline } from "../components/Pipeline.tsx";
import { RecentAlerts } from "../components/RecentAlerts.tsx";
import { type Card, ServiceCard } from "../components/ServiceCard.tsx";
import type { AlertSummary } from "../lib/api.ts";
import { brief, type BriefAlert, withAlerts } from "../lib/brief.ts";
import { formatDuration, formatNumber } from "../lib/format.ts";
import {
  cardOf,
  type Figures,
  figuresOf,
  maxShown,
  type OverviewData,
  withStat,
} from "../lib/overview.ts";
import { clock, now } from "../live/clock.ts";
import { useServices } from "../live/services.ts";
import * as text from "../text.ts";
import Age from "./Age.tsx";

/** Rows of recent alerts. */
const recent = 8;
/** Alerts that a page keeps. */
const maxAlerts = 1_000;

const { overview } = text;

export default function Overview(data: OverviewData) {
  const figures = useSignal(data.figures);
  const alerts = useSignal(data.alerts);
  const unlisted = useSignal(data.unlisted);
  const add = (news: readonly AlertSummary[]) => {
    const all = withAlerts(alerts.peek() ?? [], news.map(brief));
    unlisted.value += Math.max(0, all.length - maxAlerts);
    alerts.value = all.slice(0, maxAlerts);
  };
  const { names, rows: cards } = useServices(data.cards, {
    rowOf: cardOf,
    withStat,
    most: 2 * maxShown,
    onStats(stats) {
      figures.value = figuresOf(stats);
      add(stats.recent_alerts);
    },
    onAlerts: add,
  });

  return (
    <div class="grid grid-cols-1 gap-5">
      <header class="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h1 class="page-title">{overview.title}</h1>
        <p class="text-xs text-ink-3">
          {overview.updated} <Age at={figures.value.timestamp} ago />
        </p>
      </header>
      <Numbers figures={figures} />
      <div class="grid grid-cols-1 items-start gap-5 xl:grid-cols-[minmax(0,1fr)_21rem]">
        <div class="grid min-w-0 grid-cols-1 gap-5">
          <History alerts={alerts} unlisted={unlisted} />
          <section aria-labelledby="services">
            <div class="mb-3 flex items-baseline justify-between gap-4">
              <h2 id="services" class="text-base font-semibold text-ink">{overview.services}</h2>
              <a href="/services" class="text-sm text-accent hover:underline">
                {overview.allServices(figures.value.total_services)}
              </a>
            </div>
            {names.value.length === 0 && (
              <div class="card">
                <EmptyState
                  icon="services"
                  title={overview.empty.title}
                  lead={overview.empty.lead}
                />
              </div>
            )}
            <Cards names={names} cards={cards} />
          </section>
        </div>
        <div class="grid min-w-0 grid-cols-1 gap-5 md:grid-cols-2 xl:grid-cols-1">
          <section class="card min-w-0 overflow-hidden" aria-labelledby="recent">
            <div class="flex items-baseline justify-between gap-4 border-b border-line px-4 py-3">
              <h2 id="recent" class="text-sm font-semibold text-ink">{overview.recent.title}</h2>
              <a href="/alerts" class="text-sm text-accent hover:underline">
                {overview.recent.all}
              </a>
            </div>
            {(alerts.value ?? []).length === 0
              ? (
                <EmptyState
                  icon="healthy"
                  title={overview.recent.none}
                  lead={overview.recent.noneLead}
                />
              )
              : <RecentAlerts alerts={newest(alerts.value!)} />}
          </section>
          <section class="card min-w-0 overflow-hidden" aria-labelledby="pipeline">
            <div class="border-b border-line px-4 py-3">
              <h2 id="pipeline" class="text-sm font-semibold text-ink">
                {overview.pipeline.title}
              </h2>
              <p class="text-xs text-ink-3">{overview.pipeline.lead}</p>
            </div>
            <Pipeline
              pipeline={figures.value.pipeline ?? []}
              now={Date.parse(figures.value.timestamp)}
            />
          </section>
        </div>
      </div>
      <AwayNote />
    </div>
  );
}

function newest(alerts: readonly BriefAlert[]): BriefAlert[] {
  return [...alerts].sort((a, b) => b.changed - a.changed).slice(0, recent);
}

function Numbers({ figures: { value: figures } }: { figures: Signal<Figures> }) {
  const words = overview.figures;
  const { by_severity } = figures;
  return (
    <dl
      aria-label={words.label}
      class="card grid grid-cols-2 gap-px overflow-hidden bg-line md:grid-cols-3 lg:grid-cols-5
        *:last:md:max-lg:col-span-2 *:first:max-md:col-span-2"
    >
      <Figure
        label={words.firing}
        value={formatNumber(figures.firing_alerts)}
        href="/alerts?status=firing"
      >
        {figures.firing_alerts === 0 ? words.allWell : (
          (["critical", "warning", "info"] as const).map((level) => (
            <a
              key={level}
              href={`/alerts?status=firing&severity=${level}`}
              class={`relative inline-flex items-center gap-1 rounded-sm hover:underline ${
                by_severity[level] > 0 ? marks[level] : ""
              }`}
            >
              <Icon name={level} class="size-3.5" />
              <span class="tabular-nums">{formatNumber(by_severity[level])}</span>
              <span class="sr-only max-md:not-sr-only 2xl:not-sr-only">
                {text.severity[level]}
              </span>
            </a>
          ))
        )}
      </Figure>
      <Figure
        label={words.unacknowledged}
        value={formatNumber(figures.unacknowledged_alerts)}
        href="/alerts?status=firing&acknowledged=false"
      >
        {figures.unacknowledged_alerts > 0
          ? words.waiting
          : figures.firing_alerts > 0
          ? words.taken
          : words.allWell}
      </Figure>
      <Figure
        label={words.services}
        value={formatNumber(figures.healthy_services)}
        href="/services"
        of={words.servicesOf(figures.total_services)}
      >
        <span class="truncate">
          {words.bad(figures.critical_services, figures.warning_services, figures.down_services)}
        </span>
      </Figure>
      <Figure
        label={words.rules}
        value={formatNumber(figures.active_rules)}
        href="/rules?enabled=true"
        of={words.servicesOf(figures.total_rules)}
      />
      <Figure label={words.samples} value={formatNumber(figures.samples_per_minute)}>
        {words.uptime(formatDuration(figures.uptime_seconds * 1_000))}
      </Figure>
    </dl>
  );
}

const marks = { critical: "text-critical", warning: "text-warning", info: "text-info" } as const;

function History({ alerts: { value: alerts }, unlisted: { value: unlisted } }: {
  alerts: Signal<BriefAlert[] | undefined>;
  unlisted: Signal<number>;
}) {
  // A minute is less than a pixel.
  const minute = useComputed(() => Math.ceil((clock.value || now()) / 60_000) * 60_000);
  const words = overview.history;
  const from = minute.value - 86_400_000;
  const shown = alerts?.filter(({ end = Infinity }) => end >= from);
  const known = alerts?.filter(({ start }) => start >= from).length ?? 0;
  return (
    <section class="card min-w-0 p-4" aria-labelledby="history">
      <div class="mb-3 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h2 id="history" class="text-sm font-semibold text-ink">
          {words.title}
          <span class="ml-2 text-xs font-normal text-ink-3">
            {alerts && (unlisted > 0 ? words.some(known, known + unlisted) : words.all(known))}
          </span>
        </h2>
        <HistoryLegend />
      </div>
      {!shown || shown.length === 0
        ? (
          <p class="grid h-16 place-items-center rounded-sm bg-sunken text-sm text-ink-3">
            {shown ? words.none : words.unknown}
          </p>
        )
        : <AlertHistory alerts={shown} now={minute.value} />}
    </section>
  );
}

function Cards({ names, cards }: {
  names: Signal<string[]>;
  cards: ReadonlyMap<string, Signal<Card>>;
}) {
  return (
    <ul class="grid grid-cols-[repeat(auto-fill,minmax(min(100%,19rem),1fr))] gap-4">
      {names.value.map((name) => <ServiceCard key={name} card={cards.get(name)!} />)}
    </ul>
  );
}

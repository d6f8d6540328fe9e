/** The overview: what the platform does, and what needs somebody. */
import { page } from "fresh";
import { Head } from "fresh/runtime";
import { spark_ms } from "../components/ServiceCard.tsx";
import { define } from "../define.ts";
import Overview from "../islands/Overview.tsx";
import type { Api } from "../lib/api.ts";
import { brief, withAlerts } from "../lib/brief.ts";
import {
  byNeed,
  cardOf,
  figuresOf,
  maxShown,
  type OverviewData,
  type ServiceStat,
  sparkMetric,
} from "../lib/overview.ts";
import * as text from "../text.ts";

/** Pages of alerts, of 100 each, that are read for the history at most. */
const maxPages = 5;

export const handler = define.handlers({
  GET: async ({ state: { api, site } }) => {
    const [stats, history] = await Promise.all([
      api.stats(),
      alertsSince(api, new Date(site.now() - 86_400_000).toISOString()).catch(() => undefined),
    ]);
    const shown = byNeed(stats.service_stats).slice(0, maxShown);
    const cards = await Promise.all(shown.map((stat) => cardWithLine(api, stat)));
    const data: OverviewData = {
      figures: figuresOf(stats),
      cards,
      alerts: history && withAlerts(history.alerts, stats.recent_alerts.map(brief)),
      unlisted: history?.unlisted ?? 0,
    };
    return page(data);
  },
});

/** What began since then, and whatever fires still. */
async function alertsSince(api: Api, from: string) {
  const [first, firing] = await Promise.all([
    api.alerts({ from, limit: 100 }),
    api.alerts({ status: "firing", limit: 100 }),
  ]);
  const pages = Math.min(first.meta.pages, maxPages);
  const more = await Promise.all(
    Array.from(
      { length: Math.max(0, pages - 1) },
      (_, i) => api.alerts({ from, limit: 100, page: i + 2 }),
    ),
  );
  const listed = [first, ...more].flatMap(({ items }) => items);
  return {
    alerts: [...firing.items, ...listed].map(brief),
    unlisted: Math.max(0, first.meta.total - listed.length),
  };
}

/** A card without its line is better than no page. */
async function cardWithLine(api: Api, stat: ServiceStat) {
  const metric_type = sparkMetric(stat);
  if (!metric_type) return cardOf(stat);
  const window = `${spark_ms.window / 60_000}m`;
  const step = `${spark_ms.step / 1_000}s`;
  try {
    const samples = await api.serviceMetrics(stat.service_name, { window, step, metric_type });
    return cardOf(stat, samples.filter(({ labels }) => Object.keys(labels).length === 0));
  } catch {
    return cardOf(stat);
  }
}

export default define.page<typeof handler>(({ data }) => (
  <div class="page">
    <Head>
      <title>{text.title(text.overview.title)}</title>
    </Head>
    <Overview {...data} />
  </div>
));

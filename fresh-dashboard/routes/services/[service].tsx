/** One service: every metric of it, its log, its alerts and its rules. */
import { HttpError, page } from "fresh";
import { Head } from "fresh/runtime";
import type { ServiceLog } from "shared/model/log.ts";
import { define } from "../../define.ts";
import ServicePage from "../../islands/ServicePage.tsx";
import type { Api } from "../../lib/api.ts";
import { brief, withAlerts } from "../../lib/brief.ts";
import { oneValue } from "../../lib/filters.ts";
import { filterOf, lineOf, type LogFilter, logQuery } from "../../lib/lines.ts";
import { isRange, metricsQuery, ranges } from "../../lib/series.ts";
import { briefRule, type ServiceData } from "../../lib/service.ts";
import * as text from "../../text.ts";

const day_ms = 86_400_000;

export const handler = define.handlers({
  GET: async ({ state: { api, site }, params, url }) => {
    const name = params.service!;
    const asked = url.searchParams.get("range");
    const range = isRange(asked) ? asked : "15m";
    const filter = filterOf(url.searchParams);
    const at = site.now();
    const [services, samples, lines, alerts, rules] = await Promise.all([
      api.services(),
      api.serviceMetrics(name, metricsQuery(range)),
      linesOf(api, name, at - ranges[range].ms, filter).catch(() => undefined),
      alertsOf(api, name, at),
      rulesOf(api, name),
    ]);
    const view = services.find((one) => one.name === name);
    if (!view) throw new HttpError(404);
    const data: ServiceData = {
      view,
      range,
      samples: samples.map(({ service_name: _, ...sample }) => sample),
      lines,
      filter,
      alerts,
      rules,
      at,
    };
    return page(data);
  },
});

async function linesOf(api: Api, name: string, from_ms: number, filter: LogFilter) {
  const from = new Date(from_ms).toISOString();
  const { items } = await api.list<ServiceLog>("/api/logs", {
    service: oneValue(name),
    from,
    limit: 100,
    ...logQuery(filter),
  });
  return items.map(lineOf).reverse();
}

/** Those of the longest range, and whatever fires. */
async function alertsOf(api: Api, name: string, at: number) {
  const [began, firing] = await Promise.all([
    api.alerts({ service: oneValue(name), from: new Date(at - day_ms).toISOString(), limit: 100 }),
    api.alerts({ service: oneValue(name), status: "firing", limit: 100 }),
  ]);
  return withAlerts([], [...began.items, ...firing.items].map(brief));
}

async function rulesOf(api: Api, name: string) {
  const { items } = await api.rules({
    service: [oneValue(name), "*"],
    limit: 100,
    sort: "name",
  });
  return items.map(briefRule);
}

export default define.page<typeof handler>(({ data }) => (
  <div class="page">
    <Head>
      <title>{text.title(data.view.display_name.slice(0, 100))}</title>
    </Head>
    <ServicePage {...data} />
  </div>
));

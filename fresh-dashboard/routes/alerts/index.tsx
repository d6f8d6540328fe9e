/** Every alert, what fires first; the filters are in the address. */
import { page } from "fresh";
import { Head } from "fresh/runtime";
import { alertTypes } from "shared/model/alert.ts";
import { define, may } from "../../define.ts";
import AlertTable from "../../islands/AlertTable.tsx";
import ListFilters from "../../islands/ListFilters.tsx";
import {
  type AlertQuery,
  filtersOf,
  hrefOf,
  pageSize,
  readQuery,
  rowOf,
} from "../../lib/alerts.ts";
import { ApiError } from "../../lib/api.ts";
import { oneValue, valueOf } from "../../lib/filters.ts";
import * as text from "../../text.ts";

const { alerts } = text;
/** Most that a form without scripts acknowledges at a time: a page. */
const mostAtOnce = pageSize;

export const handler = define.handlers({
  async GET({ state, url }) {
    const query = readQuery(url.searchParams);
    const [found, services] = await Promise.all([
      state.api.alerts({ ...query, limit: pageSize }),
      state.api.services(),
    ]);
    return page({
      query,
      rows: found.items.map(rowOf),
      total: found.meta.total,
      services: services.map(({ name }) => name),
    });
  },
  /** Without scripts: acknowledges what is ticked, and comes back. */
  async POST(ctx) {
    const ids = (await ctx.req.formData()).getAll("id").slice(0, mostAtOnce);
    for (const id of ids) {
      try {
        await ctx.state.api.acknowledge(String(id));
      } catch (error) {
        // One that is gone meanwhile needs nobody.
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }
    }
    return ctx.redirect(ctx.url.pathname + ctx.url.search, 303);
  },
});

const views: { name: keyof typeof alerts.views; query: Partial<AlertQuery> }[] = [
  { name: "all", query: { status: "", acknowledged: "" } },
  { name: "attention", query: { status: "firing", acknowledged: "false" } },
  { name: "firing", query: { status: "firing", acknowledged: "" } },
  { name: "resolved", query: { status: "resolved", acknowledged: "" } },
];

export default define.page<typeof handler>(({ data, state, url }) => {
  const { query, rows, total, services } = data;
  const options = (names: readonly string[], chosen: string) =>
    [...new Set([...names.map(oneValue), ...(chosen ? [chosen] : [])])]
      .map((value) => ({ value, label: valueOf(value) }));
  return (
    <div class="page">
      <Head>
        <title>{text.title(alerts.title)}</title>
      </Head>
      <h1 class="page-title">{alerts.title}</h1>
      <nav aria-label={alerts.viewsLabel} class="mt-3 -mx-1 flex gap-1 overflow-x-auto px-1 py-1">
        {views.map((view) => (
          <a
            key={view.name}
            href={hrefOf(query, view.query)}
            aria-current={isView(query, view.query) ? "page" : undefined}
            class="shrink-0 rounded-md px-2.5 py-1.5 text-sm text-ink-2 hover:bg-hover hover:text-ink
              aria-[current]:bg-hover aria-[current]:font-medium aria-[current]:text-ink"
          >
            {alerts.views[view.name]}
          </a>
        ))}
      </nav>
      <ListFilters
        action="/alerts"
        q={query.q}
        placeholder={alerts.search}
        kept={[
          ["status", query.status],
          ["sort", url.searchParams.get("sort") ?? ""],
        ]}
        clear={filtersOf(query).some((name) => name !== "status") ? "/alerts" : undefined}
        selects={[
          {
            name: "severity",
            label: alerts.column.severity,
            value: query.severity,
            options: Object.entries(text.severity).map(([value, label]) => ({ value, label })),
          },
          {
            name: "service",
            label: alerts.column.service,
            value: query.service,
            options: options(services, query.service),
          },
          {
            name: "type",
            label: alerts.column.type,
            value: query.type,
            options: options(alertTypes, query.type).map(({ value, label }) => ({
              value,
              label: words(label),
            })),
          },
          {
            name: "acknowledged",
            label: alerts.column.acknowledged,
            value: query.acknowledged,
            options: Object.entries(alerts.acknowledgedIs)
              .map(([value, label]) => ({ value, label })),
          },
        ]}
        from={query.from}
        to={query.to}
      />
      <AlertTable
        query={query}
        rows={rows}
        total={total}
        username={state.user!.username}
        mayAcknowledge={may(state.user, "operator")}
      />
    </div>
  );
});

function isView(query: AlertQuery, view: Partial<AlertQuery>): boolean {
  return query.status === view.status && query.acknowledged === view.acknowledged;
}

function words(type: string): string {
  return type.replaceAll("_", " ");
}

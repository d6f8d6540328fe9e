/** Every rule. */
import { page } from "fresh";
import { Head } from "fresh/runtime";
import { Icon } from "../../components/Icon.tsx";
import { define, may } from "../../define.ts";
import ListFilters from "../../islands/ListFilters.tsx";
import RuleTable from "../../islands/RuleTable.tsx";
import { filterNames, pageSize, type RuleQuery } from "../../lib/rules.ts";
import * as text from "../../text.ts";

const { rules } = text;

export const handler = define.handlers({
  async GET({ state, url }) {
    const one = (name: string) => url.searchParams.get(name)?.trim() ?? "";
    const query = {
      ...Object.fromEntries(filterNames.map((name) => [name, one(name)])),
      page: Math.max(1, Math.floor(Number(one("page"))) || 1),
    } as RuleQuery;
    const [found, services] = await Promise.all([
      state.api.rules({ ...query, sort: "name", limit: pageSize }),
      state.api.services(),
    ]);
    return page({
      query,
      rules: found.items,
      total: found.meta.total,
      services: services.map(({ name }) => name),
    });
  },
});

export default define.page<typeof handler>(({ data, state }) => {
  const { query } = data;
  const admin = may(state.user, "admin");
  const narrowed = filterNames.some((name) => query[name]);
  const services = [...new Set(["*", ...data.services, ...(query.service ? [query.service] : [])])];
  return (
    <div class="page">
      <Head>
        <title>{text.title(rules.title)}</title>
      </Head>
      <div class="flex items-center justify-between gap-4">
        <h1 class="page-title">{rules.title}</h1>
        {admin && (
          <a href="/rules/new" class="button button-small button-strong" data-key="n">
            <Icon name="plus" class="size-3.5" />
            {rules.new}
          </a>
        )}
      </div>
      <ListFilters
        action="/rules"
        q={query.q}
        placeholder={rules.search}
        kept={[]}
        clear={narrowed ? "/rules" : undefined}
        selects={[
          {
            name: "type",
            label: text.alerts.column.type,
            value: query.type,
            options: Object.entries(rules.type).map(([value, label]) => ({ value, label })),
          },
          {
            name: "severity",
            label: text.alerts.column.severity,
            value: query.severity,
            options: Object.entries(text.severity).map(([value, label]) => ({ value, label })),
          },
          {
            name: "service",
            label: text.alerts.column.service,
            value: query.service,
            options: services.map((value) => ({
              value,
              label: value === "*" ? rules.every : value,
            })),
          },
          {
            name: "enabled",
            label: rules.state,
            value: query.enabled,
            options: [{ value: "true", label: rules.on }, { value: "false", label: rules.off }],
          },
        ]}
      />
      <RuleTable
        rules={data.rules}
        total={data.total}
        query={query}
        mayChange={admin}
        narrowed={narrowed}
      />
    </div>
  );
});

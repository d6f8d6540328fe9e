/** One alert: what it is, why it fired, what happened since, and who was told. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { page } from "fresh";
import { Head } from "fresh/runtime";
import { Explanation } from "../../components/Explanation.tsx";
import { Icon } from "../../components/Icon.tsx";
import { define, may } from "../../define.ts";
import AlertHead from "../../islands/AlertHead.tsx";
import AlertTimeline from "../../islands/AlertTimeline.tsx";
import When from "../../islands/When.tsx";
import { type AlertFile, clip, type Delivery } from "../../lib/alerts.ts";
import { ApiError } from "../../lib/api.ts";
import { traceHref } from "../../lib/lines.ts";
import * as text from "../../text.ts";

const { alert: words } = text;

export const handler = define.handlers({
  async GET({ state, params, req, url }) {
    const [alert, deliveries] = await Promise.all([
      state.api.alert(params.id!),
      state.api.list<Delivery>("/api/notifications", { alert_id: params.id!, limit: 100 })
        .then(({ items }) => items, (error) => {
          // The alert is what matters; a session that is over is told by the other call.
          if (error instanceof ApiError) return null;
          throw error;
        }),
    ]);
    return page({ alert, deliveries, back: listBefore(req, url) });
  },
  /** Without scripts: acknowledges it, and comes back. */
  async POST(ctx) {
    const note = String((await ctx.req.formData()).get("note") ?? "").trim().slice(0, 2_000);
    await ctx.state.api.acknowledge(ctx.params.id!, note || undefined);
    return ctx.redirect(ctx.url.pathname, 303);
  },
});

/** The list as it was on the way here, with its filters. */
function listBefore({ headers }: Request, { origin }: URL): string {
  const from = URL.parse(headers.get("referer") ?? "");
  return from?.origin === origin && from.pathname === "/alerts"
    ? from.pathname + from.search
    : "/alerts";
}

export default define.page<typeof handler>(({ data: { alert, deliveries, back }, state }) => {
  const { explanation, ...known } = alert;
  const file = signal<AlertFile>({ alert: known, deliveries });
  const facts = [
    [words.service, alert.service_name, `/services/${encodeURIComponent(alert.service_name)}`],
    [words.metric, alert.metric_type],
    [words.type, alert.type.replaceAll("_", " ")],
    [
      words.rule,
      alert.rule_id &&
      `${words.seeRule}${explanation ? ` · ${words.ruleVersion(explanation.rule_version)}` : ""}`,
      alert.rule_id && `/rules/${encodeURIComponent(alert.rule_id)}`,
    ],
    [words.trace, alert.trace_id, alert.trace_id && traceHref(alert.service_name, alert.trace_id)],
  ] as const;
  return (
    <div class="page">
      <Head>
        <title>{text.title(clip(alert.title, 80) || text.alerts.untitled)}</title>
      </Head>
      <a
        href={back}
        class="mb-4 inline-flex items-center gap-1 rounded-sm text-sm text-ink-3 hover:text-ink"
      >
        <Icon name="back" class="size-3.5" />
        {words.back}
      </a>
      <div class="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_24rem] xl:gap-6">
        <div class="grid min-w-0 grid-cols-1 gap-4">
          <AlertHead file={file} mayAcknowledge={may(state.user, "operator")} />
          <section class="card p-4" aria-labelledby="why">
            <h2 id="why" class="mb-2 text-sm font-semibold text-ink">{words.why}</h2>
            <Explanation alert={alert} />
          </section>
          {alert.description && alert.description !== explanation?.reason && (
            <section class="card p-4" aria-labelledby="description">
              <h2 id="description" class="text-sm font-semibold text-ink">{words.description}</h2>
              <p
                dir="auto"
                tabIndex={0}
                class="mt-2 max-h-96 overflow-y-auto wrap-anywhere whitespace-pre-wrap"
              >
                {alert.description}
              </p>
            </section>
          )}
        </div>
        <div class="grid min-w-0 grid-cols-1 gap-4">
          <AlertTimeline file={file} />
          <section class="card p-4" aria-labelledby="facts">
            <h2 id="facts" class="text-sm font-semibold text-ink">{words.facts}</h2>
            <dl class="mt-3 grid gap-3 text-sm">
              <Fact name={words.began}>
                <When at={alert.starts_at} />
              </Fact>
              {facts.map(([name, value, href]) =>
                value && (
                  <Fact key={name} name={name}>
                    {href
                      ? <a class="text-accent hover:underline" href={href}>{clip(value)}</a>
                      : clip(value)}
                  </Fact>
                )
              )}
            </dl>
            <Pairs title={words.labels} pairs={alert.labels} />
            <Pairs title={words.annotations} pairs={alert.annotations} />
          </section>
        </div>
      </div>
    </div>
  );
});

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="grid min-w-0 grid-cols-[6rem_minmax(0,1fr)] gap-2">
      <dt class="text-ink-3">{name}</dt>
      <dd dir="auto" class="wrap-anywhere text-ink">{children}</dd>
    </div>
  );
}

function Pairs({ title, pairs }: { title: string; pairs: Readonly<Record<string, string>> }) {
  const entries = Object.entries(pairs);
  if (entries.length === 0) return null;
  return (
    <>
      <h3 class="mt-4 text-xs text-ink-3">{title}</h3>
      <ul class="mt-1.5 flex flex-wrap gap-1.5">
        {entries.map(([name, value]) => (
          <li
            key={name}
            class="max-w-full rounded-md bg-sunken px-2 py-0.5 text-xs text-ink-2"
            title={`${name}=${value}`.slice(0, 500)}
          >
            <bdi class="line-clamp-3 wrap-anywhere">
              {name}=<bdi class="text-ink">{clip(value)}</bdi>
            </bdi>
          </li>
        ))}
      </ul>
    </>
  );
}

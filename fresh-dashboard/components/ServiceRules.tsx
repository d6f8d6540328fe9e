/** The rules that watch a service. @module */
import { formatNumber } from "../lib/format.ts";
import type { BriefRule } from "../lib/service.ts";
import * as text from "../text.ts";
import { EmptyState } from "./EmptyState.tsx";
import { Icon } from "./Icon.tsx";
import { Name } from "./Name.tsx";

const { rules: words } = text.service;
const marks = { critical: "text-critical", warning: "text-warning", info: "text-info" } as const;

export function ServiceRules({ rules }: { rules: readonly BriefRule[] }) {
  return (
    <section class="card min-w-0 overflow-hidden" aria-labelledby="rules">
      <h2 id="rules" class="border-b border-line px-4 py-3 text-sm font-semibold text-ink">
        {words.title}
      </h2>
      {rules.length === 0
        ? <EmptyState icon="rules" title={words.none} />
        : (
          <ul class="divide-y divide-line">
            {rules.map((rule) => (
              <li key={rule.id} class="relative flex items-center gap-3 px-4 py-2.5 hover:bg-hover">
                <span class={rule.enabled ? marks[rule.severity] : "text-ink-3"}>
                  <Icon name={rule.severity} />
                  <span class="sr-only">{text.severity[rule.severity]}</span>
                </span>
                <div class="min-w-0 flex-1">
                  <a
                    href={`/rules/${encodeURIComponent(rule.id)}`}
                    class="block text-sm text-ink outline-none after:absolute after:inset-0
                      focus-visible:after:outline-2 focus-visible:after:-outline-offset-2
                      focus-visible:after:outline-accent"
                  >
                    <Name of={rule.name} />
                  </a>
                  <p class="text-xs text-ink-3">
                    <Name of={condition(rule)} />
                  </p>
                </div>
                {!rule.enabled && (
                  <span class="rounded-full bg-sunken px-2 py-0.5 text-xs text-ink-2">
                    {words.off}
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
    </section>
  );
}

function condition(rule: BriefRule): string {
  const { type, metric_type, operator, threshold, aggregation } = rule;
  const what = metric_type === "*" ? words.everyMetric : metric_type ?? words.errors;
  if (type === "absence") return words.silent(what);
  if (type !== "threshold") return `${what} · ${words.types[type]}`;
  const value = aggregation === "last" ? what : `${aggregation}(${what})`;
  return `${value} ${operator} ${formatNumber(threshold)}`;
}

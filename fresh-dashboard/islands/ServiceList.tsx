/** Every service in a row of its own, live. @module */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { AwayNote } from "../components/AwayNote.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Name } from "../components/Name.tsx";
import { type Card, vitalSigns } from "../components/ServiceCard.tsx";
import { Icon } from "../components/Icon.tsx";
import { Status } from "../components/Severity.tsx";
import { formatValue } from "../lib/format.ts";
import { cardOf, type ServiceStat, withStat } from "../lib/overview.ts";
import { useServices } from "../live/services.ts";
import * as text from "../text.ts";
import Age from "./Age.tsx";

interface Row extends Card {
  firing: { critical: number; warning: number };
}

const rowOf = (stat: ServiceStat): Row => ({ ...cardOf(stat), firing: stat.alerts });
const { services: words } = text;

export default function ServiceList({ stats, q }: { stats: ServiceStat[]; q: string }) {
  const search = useSignal(q);
  const { names, rows } = useServices(stats.map(rowOf), {
    rowOf,
    withStat: (row, stat) => ({ ...withStat(row, stat), firing: stat.alerts }),
  });

  const word = search.value.trim().toLowerCase();
  const shown = names.value.filter((name) =>
    `${name}\n${rows.get(name)!.peek().display_name}`.toLowerCase().includes(word)
  );
  return (
    <div class="grid grid-cols-1 gap-4">
      <header class="flex flex-wrap items-center gap-x-4 gap-y-3">
        <div class="mr-auto">
          <h1 class="page-title">{words.title}</h1>
          <p class="text-xs text-ink-3" role="status">
            {words.found(shown.length, names.value.length)}
          </p>
        </div>
        <form
          method="get"
          role="search"
          class="w-full sm:w-72"
          onSubmit={(e) => e.preventDefault()}
        >
          <input
            class="input input-small"
            type="search"
            name="q"
            value={search.value}
            maxlength={200}
            placeholder={words.search}
            aria-label={words.search}
            data-search
            onInput={(event) => {
              search.value = event.currentTarget.value;
              const query = search.value ? `?q=${encodeURIComponent(search.value)}` : "";
              history.replaceState(null, "", `/services${query}`);
            }}
          />
        </form>
      </header>
      <div class="card overflow-hidden">
        {names.value.length === 0
          ? (
            <EmptyState
              icon="services"
              title={text.overview.empty.title}
              lead={text.overview.empty.lead}
            />
          )
          : shown.length === 0
          ? (
            <EmptyState
              icon="services"
              title={words.none(search.value.slice(0, 60))}
              lead={words.noneLead}
            >
              <button type="button" class="button" onClick={() => search.value = ""}>
                {words.clear}
              </button>
            </EmptyState>
          )
          : (
            <table class="w-full table-fixed text-left text-sm">
              <thead class="border-b border-line text-xs text-ink-3">
                <tr>
                  <th scope="col" class="px-4 py-2.5 font-medium">{words.name}</th>
                  <th scope="col" class="w-28 px-2 py-2.5 font-medium 2xl:w-40">{words.status}</th>
                  <th
                    scope="col"
                    class="hidden w-24 px-2 py-2.5 font-medium sm:table-cell xl:w-36 2xl:w-44"
                  >
                    {words.alerts}
                  </th>
                  {vitalSigns.map(({ metric }) => (
                    <th
                      key={metric}
                      scope="col"
                      class="hidden w-24 px-2 py-2.5 text-right font-medium md:table-cell 2xl:w-36"
                    >
                      {text.vitals[metric]}
                    </th>
                  ))}
                  <th
                    scope="col"
                    class="w-20 py-2.5 pr-4 pl-1 text-right font-medium whitespace-nowrap sm:w-28 2xl:w-36"
                  >
                    {words.seen}
                  </th>
                </tr>
              </thead>
              <tbody class="divide-y divide-line">
                {shown.map((name) => <ServiceRow key={name} row={rows.get(name)!} />)}
              </tbody>
            </table>
          )}
      </div>
      <AwayNote />
    </div>
  );
}

function ServiceRow({ row }: { row: ReadonlySignal<Row> }) {
  const { name, display_name, status, last_seen, vitals, firing } = row.value;
  return (
    <tr class="row relative hover:bg-hover" data-row="">
      <td class="px-4 py-2.5">
        <a
          href={`/services/${encodeURIComponent(name)}`}
          data-open=""
          class="block font-medium text-ink outline-none after:absolute after:inset-0"
        >
          <Name of={display_name} />
        </a>
        {name.toLowerCase() !== display_name.toLowerCase() && (
          <span class="block text-xs text-ink-3">
            <Name of={name} />
          </span>
        )}
      </td>
      <td class="px-2 py-2.5">
        <Status status={status} />
      </td>
      <td class="hidden px-2 py-2.5 tabular-nums sm:table-cell">
        <Count level="critical" n={firing.critical} />
        <Count level="warning" n={firing.warning} />
        {firing.critical + firing.warning === 0 && (
          <span class="text-ink-3">{text.vitals.none}</span>
        )}
      </td>
      {vitalSigns.map(({ field, unit }) => {
        const value = vitals[field];
        return (
          <td
            key={field}
            class="hidden truncate px-2 py-2.5 text-right text-ink tabular-nums md:table-cell"
          >
            {value === null ? text.vitals.none : formatValue(value, unit)}
          </td>
        );
      })}
      <td class="py-2.5 pr-4 pl-2 text-right text-ink-3">
        <Age at={last_seen} />
      </td>
    </tr>
  );
}

const marks = { critical: "text-critical", warning: "text-warning" } as const;

function Count({ level, n }: { level: "critical" | "warning"; n: number }) {
  if (n === 0) return null;
  return (
    <span class={`mr-3 inline-flex items-center gap-1 align-middle ${marks[level]}`}>
      <Icon name={level} class="size-3.5" />
      {n}
      <span class="sr-only">{text.severity[level]}</span>
    </span>
  );
}

/**
 * The list of alerts, live: known ones change where they are; new ones come in at their place while
 * nobody reads, and else wait until they are asked for.
 */
import { batch, useComputed, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { AlertStatus } from "../components/AlertStatus.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Icon } from "../components/Icon.tsx";
import { Pager } from "../components/Pager.tsx";
import { Severity } from "../components/Severity.tsx";
import {
  type AlertQuery,
  type AlertRow,
  belongs,
  filtersOf,
  hrefOf,
  inserted,
  pageSize,
  rowOf,
} from "../lib/alerts.ts";
import type { AlertSummary } from "../lib/api.ts";
import { now } from "../live/clock.ts";
import { live } from "../live/live.ts";
import { type Reader, watchReader } from "../live/reader.ts";
import { request, sentence } from "../live/request.ts";
import * as text from "../text.ts";
import Age from "./Age.tsx";

const { alerts } = text;
/** Acknowledgements on their way at a time. */
const lanes = 4;
/** What began this long before the page, or later, may be new to it: samples come late. */
const recent_ms = 60_000;

const columns = [
  { name: "severity", width: "md:w-28", first: "-severity" },
  { name: "title", width: "", first: "title" },
  { name: "service", width: "md:w-[15%]", first: "service" },
  { name: "type", width: "hidden 2xl:table-cell 2xl:w-44", first: "type" },
  { name: "status", width: "md:w-28", first: "status" },
  { name: "starts_at", width: "md:w-24", first: "-starts_at" },
] as const;

export default function AlertTable(props: {
  query: AlertQuery;
  rows: AlertRow[];
  total: number;
  username: string;
  mayAcknowledge: boolean;
}) {
  const { query, username, mayAcknowledge } = props;
  const rows = useSignal(props.rows);
  const total = useSignal(props.total);
  const fresh = useSignal<ReadonlySet<string>>(new Set());
  /** New ones that are not shown yet. */
  const waiting = useSignal<ReadonlyMap<string, AlertRow>>(new Map());
  const reader = useRef<Reader>();
  /** When the connection was last back: what was missed until then comes at once. */
  const resumed = useRef(-Infinity);
  const list = useRef<HTMLFormElement>(null);
  const opened = useSignal(now());
  const picked = useSignal<ReadonlySet<string>>(new Set());
  const working = useSignal<ReadonlySet<string>>(new Set());
  const said = useSignal<{ text: string; bad: boolean } | null>(null);
  const offline = useComputed(() => live.state.value === "offline");

  useEffect(() => {
    // A page that the browser kept for the way back is as old as it was left.
    const back = ({ persisted }: PageTransitionEvent) => persisted && location.reload();
    addEventListener("pageshow", back);
    reader.current = watchReader();
    const end = live.subscribe(
      { types: ["alert"] },
      ({ messages, gap }) =>
        batch(() => {
          if (gap) resumed.current = now();
          hear(messages.map(({ payload }) => payload as AlertSummary));
        }),
    );
    return () => {
      removeEventListener("pageshow", back);
      reader.current!.end();
      end();
    };
  }, []);

  function hear(alerts: readonly AlertSummary[]): void {
    const known = new Map(rows.value.map((row) => [row.id, row]));
    const next = new Map(waiting.value);
    for (const alert of alerts) {
      const row = rowOf(alert);
      const before = known.get(row.id) ?? next.get(row.id);
      // Late news; and who acknowledged is never taken back.
      if (before && Date.parse(row.timestamp) < Date.parse(before.timestamp)) continue;
      if (before?.acknowledged && !row.acknowledged) continue;
      if (known.has(row.id)) known.set(row.id, row);
      else if (!belongs(alert, query)) next.delete(row.id);
      // On a later page only those that began since can be new.
      else if (query.page === 1 || isRecent(row)) next.set(row.id, row);
    }
    rows.value = rows.value.map(({ id }) => known.get(id)!);
    waiting.value = shownOf(next);
    const missed = [...waiting.value.values()].some(({ timestamp }) =>
      Date.parse(timestamp) < resumed.current
    );
    const still = rows.value.length === 0 || missed || reader.current!.away();
    if (query.page === 1 && still) show();
  }

  function isRecent({ starts_at }: AlertRow): boolean {
    return Date.parse(starts_at) > opened.value - recent_ms;
  }

  /** Those that this page has a place for: what the order has beyond it is on another one. */
  function shownOf(next: ReadonlyMap<string, AlertRow>): ReadonlyMap<string, AlertRow> {
    const last = rows.value.at(-1);
    if (query.page > 1 || !last || rows.value.length < pageSize) return next;
    return new Map([...next].filter(([, row]) => inserted([last], row, query.sort)[0] === row));
  }

  function show(): void {
    const news = [...waiting.value.values()];
    if (news.length === 0) return;
    const next = news.reduce((all, row) => inserted(all, row, query.sort).slice(0, pageSize), [
      ...rows.value,
    ]);
    batch(() => {
      rows.value = next;
      fresh.value = new Set([...fresh.value, ...news.map(({ id }) => id)]);
      total.value += news.filter(isRecent).length;
      waiting.value = new Map();
    });
  }

  /** Shows them to somebody who asked: at the top, where the first of them has the focus. */
  function bring(): void {
    const [first] = waiting.value.keys();
    show();
    aim.current = rows.value.find(({ id }) => id === first)?.id ?? rows.value[0]?.id;
    scrollTo({ top: 0 });
  }

  /** The row that is to have the focus once it is drawn. */
  const aim = useRef<string>();
  useLayoutEffect(() => {
    const { current: id } = aim;
    aim.current = undefined;
    if (id) openLink(id)?.focus({ preventScroll: true });
  });

  function openLink(id: string): HTMLElement | undefined {
    const rows = list.current!.querySelectorAll<HTMLElement>("[data-row]");
    return [...rows].find((row) => row.dataset.row === id)?.querySelector("a") ?? undefined;
  }

  const open = rows.value.filter(({ acknowledged }) => !acknowledged);
  const chosen = open.filter(({ id }) => picked.value.has(id));

  function pick(ids: string[], on: boolean): void {
    const next = new Set(picked.value);
    for (const id of ids) on ? next.add(id) : next.delete(id);
    picked.value = next;
  }

  async function acknowledge(wanted: AlertRow[]): Promise<void> {
    const queue = wanted.filter(({ id, acknowledged }) => !acknowledged && !working.value.has(id));
    const count = queue.length;
    if (count === 0) return;
    working.value = new Set([...working.value, ...queue.map(({ id }) => id)]);
    const failures: string[] = [];
    await Promise.all(Array.from({ length: Math.min(lanes, count) }, async () => {
      for (let row = queue.shift(); row; row = queue.shift()) {
        const { id } = row;
        try {
          const after = await request<AlertSummary>("POST", `/api/alerts/${id}/acknowledge`, {});
          const done = { acknowledged: true, acknowledged_by: after.acknowledged_by ?? username };
          // The button that was pressed goes: its row keeps the focus.
          const { activeElement: focused } = document;
          if (focused?.closest<HTMLElement>("[data-row]")?.dataset.row === id) aim.current = id;
          rows.value = rows.value.map((one) => one.id === id ? { ...one, ...done } : one);
          pick([id], false);
        } catch (error) {
          failures.push(sentence(error));
        }
        working.value = new Set([...working.value].filter((one) => one !== id));
      }
    }));
    said.value = failures.length > 0
      ? { text: alerts.failed(failures.length, failures[0]!), bad: true }
      : { text: alerts.done(count), bad: false };
  }

  return (
    <form
      ref={list}
      method="post"
      class="mt-1"
      onSubmit={(event) => {
        event.preventDefault();
        void acknowledge(chosen);
      }}
    >
      <News
        count={waiting.value.size}
        href={query.page > 1 ? hrefOf(query) : undefined}
        onShow={bring}
      />
      <p role="status" aria-live="polite" class="sr-only">{said.value?.text}</p>
      <div class="flex min-h-9 items-center pb-1 text-xs text-ink-3">
        {said.value?.bad
          ? (
            <p class="flex items-center gap-2 text-sm text-critical">
              <Icon name="critical" />
              {said.value.text}
            </p>
          )
          : offline.value
          ? (
            <p class="flex items-center gap-2 text-sm text-warning">
              <Icon name="unplugged" />
              {text.list.offline}
            </p>
          )
          : <p class="tabular-nums">{alerts.found(total.value)}</p>}
      </div>
      {rows.value.length === 0 ? <Nothing query={query} /> : (
        <div class="card overflow-hidden">
          <table class="w-full table-fixed border-collapse text-sm max-md:block">
            <caption class="sr-only">{alerts.title}</caption>
            <thead class="max-md:sr-only">
              <tr class="border-b border-line text-left text-xs text-ink-3">
                {mayAcknowledge && (
                  <th scope="col" class="w-10 py-2 pl-4">
                    <input
                      type="checkbox"
                      class="check"
                      aria-label={alerts.selectAll}
                      disabled={open.length === 0}
                      checked={open.length > 0 && chosen.length === open.length}
                      onChange={(event) =>
                        pick(open.map(({ id }) => id), event.currentTarget.checked)}
                    />
                  </th>
                )}
                {columns.map((column) => <Heading key={column.name} {...column} query={query} />)}
                <th scope="col" class="w-40 px-3 py-2 font-medium">{alerts.column.acknowledged}</th>
              </tr>
            </thead>
            <tbody class="max-md:block">
              {rows.value.map((row) => (
                <Row
                  key={row.id}
                  row={row}
                  fresh={fresh.value.has(row.id)}
                  picked={picked.value.has(row.id)}
                  working={working.value.has(row.id)}
                  mayAcknowledge={mayAcknowledge}
                  onPick={(on) => pick([row.id], on)}
                  onAcknowledge={() => void acknowledge([row])}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div class="mt-3">
        <Pager
          page={query.page}
          limit={pageSize}
          total={total.value}
          href={(page) => hrefOf(query, { page })}
        />
      </div>
      {mayAcknowledge && rows.value.length > 0 && (
        <Selection
          count={chosen.length}
          working={working.value.size > 0}
          onClear={() => picked.value = new Set()}
        />
      )}
    </form>
  );
}

function Nothing({ query }: { query: AlertQuery }) {
  const filters = filtersOf(query);
  const calm = query.status === "firing" &&
    filters.every((name) => name === "status" || name === "acknowledged");
  const { none, noMatch } = alerts;
  return (
    <div class="card">
      {filters.length === 0
        ? (
          <EmptyState icon="alerts" title={none.title} lead={none.lead}>
            <a class="button" href="/rules">{none.rules}</a>
          </EmptyState>
        )
        : calm
        ? <EmptyState icon="healthy" {...alerts.calm} />
        : (
          <EmptyState icon="alerts" title={noMatch.title} lead={noMatch.lead}>
            <a class="button" href="/alerts">{text.list.clear}</a>
          </EmptyState>
        )}
    </div>
  );
}

function Heading({ name, width, first, query }: {
  name: (typeof columns)[number]["name"];
  width: string;
  first: string;
  query: AlertQuery;
}) {
  const [now] = query.sort.split(",");
  const sorted = now === name ? "ascending" : now === `-${name}` ? "descending" : undefined;
  const next = now === first ? (first.startsWith("-") ? first.slice(1) : `-${first}`) : first;
  return (
    <th scope="col" aria-sort={sorted} class={`px-3 py-2 font-medium ${width}`}>
      <a
        href={hrefOf(query, { sort: next })}
        title={text.list.sortBy(alerts.column[name])}
        class="group inline-flex items-center gap-1 rounded-sm hover:text-ink"
      >
        {alerts.column[name]}
        <Icon
          name="chevron"
          class={`size-3 ${sorted ? "" : "opacity-0 group-hover:opacity-60"} ${
            sorted === "ascending" ? "rotate-180" : ""
          }`}
        />
      </a>
    </th>
  );
}

function Row({ row, fresh, picked, working, mayAcknowledge, onPick, onAcknowledge }: {
  row: AlertRow;
  fresh: boolean;
  picked: boolean;
  working: boolean;
  mayAcknowledge: boolean;
  onPick: (on: boolean) => void;
  onAcknowledge: () => void;
}) {
  const title = row.title.trim() || alerts.untitled;
  return (
    <tr
      data-row={row.id}
      data-fresh={fresh ? "" : undefined}
      class={`group row relative border-b border-line last:border-0 hover:bg-hover
        max-md:grid max-md:grid-cols-[auto_minmax(0,1fr)_auto] max-md:items-center max-md:gap-x-3
        max-md:gap-y-1 max-md:px-3 max-md:py-3 ${picked ? "bg-accent-soft" : ""}`}
    >
      {mayAcknowledge && (
        <td class="py-2 pl-4 max-md:order-1 max-md:p-0">
          <input
            type="checkbox"
            name="id"
            value={row.id}
            class="check relative z-1"
            data-key="x"
            aria-label={alerts.select(title)}
            disabled={row.acknowledged}
            checked={picked && !row.acknowledged}
            onChange={(event) => onPick(event.currentTarget.checked)}
          />
        </td>
      )}
      <td class="px-3 py-2 max-md:order-2 max-md:p-0">
        <Severity level={row.severity} />
      </td>
      <td class="px-3 py-2 max-md:order-4 max-md:col-span-3 max-md:p-0">
        <a
          href={`/alerts/${encodeURIComponent(row.id)}`}
          data-open=""
          dir="auto"
          title={title}
          class={`block truncate font-medium after:absolute after:inset-0 focus-visible:outline-none ${
            row.status === "firing" ? "text-ink" : "text-ink-2"
          }`}
        >
          {title}
        </a>
        <span class="flex gap-2 text-xs text-ink-3">
          {row.labels && (
            <span
              dir="auto"
              class="max-w-1/2 shrink-0 truncate text-ink-2 max-md:max-w-4/5"
              title={row.labels}
            >
              {row.labels}
            </span>
          )}
          <span dir="auto" class="min-w-0 truncate" title={row.message}>{row.message}</span>
        </span>
      </td>
      <td class="px-3 py-2 max-md:order-5 max-md:col-span-2 max-md:p-0 max-md:text-xs">
        <span dir="auto" class="block truncate text-ink-2" title={row.service_name}>
          {row.service_name}
        </span>
      </td>
      <td class="hidden px-3 py-2 2xl:table-cell">
        <span dir="auto" class="block truncate text-ink-3" title={row.type}>
          {row.type.replaceAll("_", " ")}
        </span>
      </td>
      <td class="px-3 py-2 max-md:hidden">
        <AlertStatus status={row.status} />
      </td>
      <td class="px-3 py-2 text-ink-3 max-md:order-3 max-md:p-0 max-md:text-right max-md:text-xs">
        <span class="mr-2 md:hidden">
          <AlertStatus status={row.status} />
        </span>
        <Age at={row.starts_at} />
      </td>
      <td class="px-3 py-1 max-md:order-6 max-md:p-0 max-md:text-right">
        {row.acknowledged
          ? (
            <span
              class="flex min-w-0 items-center gap-1 text-xs text-ink-3 max-md:justify-end"
              title={`${alerts.acknowledged} ${alerts.by(row.acknowledged_by ?? "")}`}
            >
              <Icon name="check" class="size-3.5 text-ok" />
              <span class="sr-only">{alerts.acknowledged}</span>
              <bdi class="truncate">{row.acknowledged_by}</bdi>
            </span>
          )
          : mayAcknowledge && (
            <button
              type="button"
              data-key="a"
              aria-label={alerts.acknowledgeThis(title)}
              aria-disabled={working}
              aria-busy={working}
              onClick={onAcknowledge}
              class={`button button-small button-quiet relative z-1 -ml-2 max-md:-mr-2 ${
                row.status === "resolved"
                  ? "md:pointer-fine:opacity-0 md:group-hover:opacity-100 md:focus-visible:opacity-100"
                  : ""
              }`}
            >
              {alerts.acknowledge}
            </button>
          )}
      </td>
    </tr>
  );
}

/** Says over the list that there are new ones, in a place that is kept for it: nothing moves. */
function News({ count, href, onShow }: {
  count: number;
  /** Where they are, if not on this page. */
  href: string | undefined;
  onShow: () => void;
}) {
  const look = "button button-small button-strong pointer-events-auto shadow-lifted";
  const says = (
    <>
      {alerts.fresh(count)}
      <span class="font-normal">{alerts.show}</span>
    </>
  );
  return (
    <div
      role="status"
      class="pointer-events-none sticky top-16 z-10 -mb-9 flex h-9 items-start justify-center lg:top-2"
    >
      {count > 0 && (href
        ? <a class={look} href={href} data-key="n">{says}</a>
        : <button type="button" class={look} data-key="n" onClick={onShow}>{says}</button>)}
    </div>
  );
}

/** Floats over the end of the page while something is selected; without scripts it stands there. */
function Selection({ count, working, onClear }: {
  count: number;
  working: boolean;
  onClear: () => void;
}) {
  const alive = useSignal(false);
  useEffect(() => void (alive.value = true), []);
  if (alive.value && count === 0) return null;
  return (
    <div
      role="group"
      aria-label={alerts.selection}
      class="sticky bottom-20 z-10 mx-auto mt-3 flex w-fit items-center gap-2 rounded-lg border
        border-line bg-raised py-1.5 pr-1.5 pl-4 text-sm shadow-lifted lg:bottom-6"
    >
      {alive.value && <span class="mr-2 text-ink tabular-nums">{alerts.selected(count)}</span>}
      {alive.value && (
        <button type="button" class="button button-small button-quiet" onClick={onClear}>
          {alerts.unselect}
        </button>
      )}
      <button type="submit" class="button button-small button-strong" aria-busy={working}>
        {alerts.acknowledge}
      </button>
    </div>
  );
}

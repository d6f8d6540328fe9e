/**
 * The list of rules: switched, opened, duplicated and deleted where they stand, and read again when
 * somebody else did so.
 */
import { batch, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { EmptyState } from "../components/EmptyState.tsx";
import { Icon } from "../components/Icon.tsx";
import { Pager } from "../components/Pager.tsx";
import { Severity } from "../components/Severity.tsx";
import { Switch } from "../components/Switch.tsx";
import type { Rule } from "../lib/api.ts";
import { condition, inputOf, pageSize, type RuleQuery, searchOf } from "../lib/rules.ts";
import { live } from "../live/live.ts";
import { request, RequestError, requestList, sentence } from "../live/request.ts";
import * as text from "../text.ts";
import Age from "./Age.tsx";

const { rules: words } = text;
/** The list is read again at most so often: a script may change a hundred rules a second. */
const pause_ms = 1_000;

export default function RuleTable(props: {
  rules: Rule[];
  total: number;
  query: RuleQuery;
  mayChange: boolean;
  narrowed: boolean;
}) {
  const { query, mayChange, narrowed } = props;
  const rules = useSignal(props.rules);
  const total = useSignal(props.total);
  const working = useSignal("");
  const said = useSignal<{ text: string; bad: boolean } | null>(null);
  const asked = useSignal<Rule | null>(null);
  const dialog = useRef<HTMLDialogElement>(null);

  const put = (rule: Rule) =>
    rules.value = rules.value.map((one) => one.id === rule.id ? rule : one);
  const drop = (id: string) => {
    // Who was in that row goes on in the next one.
    const rows = [...document.querySelectorAll("[data-row]")];
    const at = rules.value.findIndex((one) => one.id === id);
    if (rows[at]?.contains(document.activeElement)) {
      focused.current = (rows[at + 1] ?? rows[at - 1])?.querySelector("[data-open]") ?? null;
    }
    rules.value = rules.value.filter((one) => one.id !== id);
    total.value--;
  };

  // The connection tells where it is when it begins, when it was lost, and when rules changed.
  useEffect(() => {
    let stale = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      if (stale && !working.value) {
        stale = false;
        const done = await read();
        stale ||= !done;
      }
      timer = stale ? setTimeout(look, pause_ms) : undefined;
    };
    const end = live.subscribe({ types: ["status"] }, () => {
      stale = true;
      timer ??= setTimeout(look);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, []);

  /** What had the focus before rows moved: a browser takes it from an element that it moves. */
  const focused = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const { current } = focused;
    focused.current = null;
    if (current instanceof HTMLElement && current.isConnected) {
      current.focus({ preventScroll: true });
    }
  }, [rules.value]);

  /** Whether the list is as it was read. */
  async function read(): Promise<boolean> {
    try {
      const found = await requestList<Rule>(`/api/rules?${searchOf(query, { sort: "name" })}`);
      // What is under way here may be newer.
      if (working.value) return false;
      focused.current = document.activeElement;
      batch(() => {
        rules.value = found.items;
        total.value = found.total;
      });
    } catch (error) {
      // The connection has the same trouble, shows it, and tells when it is over.
      if (!(error instanceof RequestError)) throw error;
    }
    return true;
  }

  async function change(rule: Rule, act: () => Promise<string>): Promise<void> {
    if (working.value) return;
    working.value = rule.id;
    try {
      said.value = { text: await act(), bad: false };
    } catch (error) {
      said.value = { text: await explain(rule, error), bad: true };
    }
    working.value = "";
  }

  /** What went wrong, with the list put right. */
  async function explain(rule: Rule, error: unknown): Promise<string> {
    put({ ...rule });
    const status = error instanceof RequestError ? error.status : undefined;
    if (status === 404) {
      drop(rule.id);
      return words.gone(rule.name);
    }
    if (status !== 409) return sentence(error);
    try {
      put(await request<Rule>("GET", pathOf(rule)));
      return words.conflict(rule.name);
    } catch (second) {
      return sentence(second);
    }
  }

  function toggle(rule: Rule): Promise<void> {
    const enabled = !rule.enabled;
    put({ ...rule, enabled });
    return change(rule, async () => {
      const body = { ...inputOf(rule), enabled, version: rule.version };
      put(await request<Rule>("PUT", pathOf(rule), body));
      return words.switched(rule.name, enabled);
    });
  }

  function remove(rule: Rule): Promise<void> {
    return change(rule, async () => {
      await request("DELETE", pathOf(rule));
      drop(rule.id);
      return words.removed(rule.name);
    });
  }

  return (
    <div class="mt-4">
      <p role="status" class="sr-only">{said.value?.text.slice(0, 300)}</p>
      {said.value?.bad && (
        <p class="mb-2 flex gap-2 rounded-md bg-critical-soft px-3 py-2 text-sm text-critical">
          <Icon name="critical" class="mt-0.5 size-4" />
          <span dir="auto" class="min-w-0 wrap-anywhere">{said.value.text.slice(0, 500)}</span>
        </p>
      )}
      <div class="card overflow-hidden">
        {rules.value.length === 0
          ? narrowed
            ? (
              <EmptyState icon="rules" {...words.noMatch}>
                <a class="button" href="/rules">{text.list.clear}</a>
              </EmptyState>
            )
            : (
              <EmptyState icon="rules" {...words.none}>
                {mayChange && <a class="button button-strong" href="/rules/new">{words.new}</a>}
              </EmptyState>
            )
          : (
            <table class="w-full table-fixed border-collapse text-sm max-md:block">
              <caption class="sr-only">{words.title}</caption>
              <thead class="max-md:sr-only">
                <tr class="border-b border-line text-left text-xs text-ink-3">
                  <th scope="col" class="w-16 px-4 py-2 font-medium">{words.column.enabled}</th>
                  <th scope="col" class="px-3 py-2 font-medium">{words.column.name}</th>
                  <th scope="col" class="w-[26%] px-3 py-2 font-medium">
                    {words.column.condition}
                  </th>
                  <th scope="col" class="w-[14%] px-3 py-2 font-medium">{words.column.service}</th>
                  <th scope="col" class="w-28 px-3 py-2 font-medium">{words.column.severity}</th>
                  <th scope="col" class="hidden w-20 px-3 py-2 font-medium xl:table-cell">
                    {words.column.updated_at}
                  </th>
                  {mayChange && (
                    <th scope="col" class="w-44 px-3 py-2 font-medium">
                      <span class="sr-only">{words.column.actions}</span>
                    </th>
                  )}
                </tr>
              </thead>
              <tbody class="max-md:block">
                {rules.value.map((rule) => (
                  <Row
                    key={rule.id}
                    rule={rule}
                    mayChange={mayChange}
                    onToggle={() => void toggle(rule)}
                    onRemove={() => {
                      asked.value = rule;
                      dialog.current!.showModal();
                    }}
                  />
                ))}
              </tbody>
            </table>
          )}
      </div>
      <div class="mt-3">
        <Pager
          page={query.page}
          limit={pageSize}
          total={total.value}
          href={(page) => `/rules?${searchOf({ ...query, page })}`}
        />
      </div>
      <dialog
        ref={dialog}
        class="dialog"
        aria-labelledby="remove-title"
        onClose={() => {
          const rule = asked.value;
          if (rule && dialog.current!.returnValue === "yes") void remove(rule);
          dialog.current!.returnValue = "";
          asked.value = null;
        }}
      >
        <form method="dialog">
          <h2 id="remove-title" class="text-lg font-semibold text-ink">{words.confirm.title}</h2>
          <p dir="auto" class="mt-2 line-clamp-4 font-medium wrap-anywhere text-ink">
            {asked.value?.name}
          </p>
          <p class="mt-1 text-sm">{words.confirm.lead}</p>
          <div class="mt-5 flex justify-end gap-2">
            <button type="submit" value="" class="button" autofocus>{words.confirm.no}</button>
            <button type="submit" value="yes" class="button button-danger">
              {words.confirm.yes}
            </button>
          </div>
        </form>
      </dialog>
    </div>
  );
}

function pathOf(rule: Rule): string {
  return `/api/rules/${encodeURIComponent(rule.id)}`;
}

function Row({ rule, mayChange, onToggle, onRemove }: {
  rule: Rule;
  mayChange: boolean;
  onToggle: () => void;
  onRemove: () => void;
}) {
  const href = `/rules/${encodeURIComponent(rule.id)}`;
  const description = rule.description?.slice(0, 300);
  return (
    <tr
      data-row=""
      class="row relative border-b border-line last:border-0 hover:bg-hover max-md:grid
        max-md:grid-cols-[minmax(0,1fr)_auto] max-md:items-center max-md:gap-x-3 max-md:gap-y-1.5
        max-md:px-3 max-md:py-3"
    >
      <td class="px-4 py-2 max-md:order-2 max-md:p-0 max-md:text-right">
        {mayChange
          ? (
            <span class="relative z-1 inline-flex align-middle">
              <Switch
                checked={rule.enabled}
                data-key="x"
                aria-label={words.toggle(rule.name)}
                onChange={onToggle}
              />
            </span>
          )
          : (
            <span class={rule.enabled ? "text-ok" : "text-ink-3"}>
              {rule.enabled ? words.on : words.off}
            </span>
          )}
      </td>
      <td class="px-3 py-2 max-md:order-1 max-md:p-0">
        <a
          href={href}
          data-open=""
          dir="auto"
          title={rule.name}
          class={`block truncate font-medium after:absolute after:inset-0 focus-visible:outline-none ${
            rule.enabled ? "text-ink" : "text-ink-3"
          }`}
        >
          {rule.name}
        </a>
        {description && (
          <span dir="auto" class="block truncate text-xs text-ink-3" title={description}>
            {description}
          </span>
        )}
      </td>
      <td class="px-3 py-2 max-md:order-3 max-md:col-span-2 max-md:p-0">
        <bdi class="line-clamp-2 wrap-anywhere text-ink-2 tabular-nums" title={condition(rule)}>
          {condition(rule)}
        </bdi>
      </td>
      <td class="px-3 py-2 max-md:order-4 max-md:p-0">
        <span
          dir="auto"
          class="block truncate text-ink-2"
          title={rule.service_name}
        >
          {rule.service_name === "*" ? words.every : rule.service_name}
        </span>
      </td>
      <td class="px-3 py-2 max-md:order-5 max-md:p-0 max-md:text-right">
        <Severity level={rule.severity} />
      </td>
      <td class="hidden px-3 py-2 text-ink-3 xl:table-cell">
        <Age at={rule.updated_at} />
      </td>
      {mayChange && (
        <td class="px-3 py-1 max-md:order-6 max-md:col-span-2 max-md:p-0">
          <div class="relative z-1 flex justify-end gap-0.5 max-md:-mx-2 max-md:justify-start">
            <a
              href={`/rules/new?from=${encodeURIComponent(rule.id)}`}
              class="button button-small button-quiet"
              aria-label={words.duplicateThis(rule.name)}
            >
              {words.duplicate}
            </a>
            <button
              type="button"
              class="button button-small button-quiet"
              aria-label={words.removeThis(rule.name)}
              onClick={onRemove}
            >
              {words.remove}
            </button>
          </div>
        </td>
      )}
    </tr>
  );
}

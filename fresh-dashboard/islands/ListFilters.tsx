/**
 * The filters of a list: a form whose answer is an address. Without scripts it has a button and
 * takes times in UTC; with them a choice applies at once and times are the reader's.
 */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../components/Icon.tsx";
import { busy } from "../live/request.ts";
import * as text from "../text.ts";

export interface Select {
  name: string;
  label: string;
  value: string;
  options: { value: string; label: string }[];
}

export default function ListFilters(props: {
  action: string;
  q: string;
  placeholder: string;
  /** Other parameters that stay. */
  kept: [name: string, value: string][];
  selects: Select[];
  /** Where the list is without filters; absent when there are none. */
  clear?: string | undefined;
  from?: string;
  to?: string;
}) {
  const { action, q, placeholder, kept, selects, clear, from, to } = props;
  const form = useRef<HTMLFormElement>(null);
  const alive = useSignal(false);
  useEffect(() => void (alive.value = true), []);
  const active = selects.filter(({ value }) => value).length + (from ? 1 : 0) + (to ? 1 : 0);

  const send = (event: Event) => {
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form.current!)) {
      const given = String(value).trim();
      if (given) query.set(name, isTime(name) ? toUtc(given) : given);
    }
    busy();
    location.assign(query.size > 0 ? `${action}?${query}` : action);
  };

  return (
    <form
      ref={form}
      method="get"
      action={action}
      role="search"
      onSubmit={send}
      onChange={(event) => (event.target as HTMLElement).dataset.at === undefined && send(event)}
      class="mt-3 flex flex-wrap items-end gap-2"
    >
      {kept.map(([name, value]) =>
        value && <input key={name} type="hidden" name={name} value={value} />
      )}
      <label class="relative min-w-0 grow basis-48 md:max-w-xs">
        <span class="sr-only">{text.list.search}</span>
        <Icon name="search" class="absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-ink-3" />
        <input
          class="input input-small pr-8 pl-8"
          type="search"
          name="q"
          value={q}
          placeholder={placeholder}
          maxlength={200}
          dir="auto"
          data-search=""
          data-at=""
          aria-keyshortcuts="/"
        />
        <kbd
          class="kbd absolute top-1/2 right-2 hidden -translate-y-1/2 lg:block"
          aria-hidden="true"
        >
          /
        </kbd>
      </label>
      <label class="button has-focus-visible:outline-2 has-focus-visible:outline-accent md:hidden">
        <input type="checkbox" data-at="" class="peer sr-only" id="filters-open" />
        {text.list.filters}
        {active > 0 && <span class="tabular-nums text-accent">{active}</span>}
      </label>
      <div class="filters w-full grid-cols-2 items-end gap-2 md:flex md:w-auto md:flex-wrap">
        {selects.map(({ name, label, value, options }) => (
          <label key={name} class="grid min-w-0 gap-1 text-xs text-ink-3">
            {label}
            <select
              name={name}
              class={`input input-small md:w-auto md:max-w-36 ${value ? "input-set" : ""}`}
            >
              <option value="">{text.list.any}</option>
              {options.map((option) => (
                <option
                  key={option.value}
                  value={option.value}
                  selected={option.value === value}
                >
                  {option.label}
                </option>
              ))}
            </select>
          </label>
        ))}
        {from !== undefined && to !== undefined &&
          (["from", "to"] as const).map((name) => (
            <label key={name} class="grid min-w-0 gap-1 text-xs text-ink-3">
              <span>
                {text.time[name]}{" "}
                <span class={alive.value ? "invisible" : ""}>{text.time.zone}</span>
              </span>
              <input
                type="datetime-local"
                name={name}
                data-at=""
                value={fieldOf(name === "from" ? from : to, alive.value)}
                onBlur={(event) => {
                  const input = event.currentTarget;
                  if (toUtc(input.value) !== toUtc(fieldOf(name === "from" ? from : to, true))) {
                    send(event);
                  }
                }}
                class="input input-small md:w-44"
              />
            </label>
          ))}
        <button type="submit" class={`button button-small ${alive.value ? "sr-only" : ""}`}>
          {text.list.apply}
        </button>
        {clear && (
          <a href={clear} class="button button-small">
            <Icon name="close" class="size-3.5" />
            {text.list.clear}
          </a>
        )}
      </div>
    </form>
  );
}

function isTime(name: string): boolean {
  return name === "from" || name === "to";
}

/** What a `datetime-local` field has: a time without a zone. */
function fieldOf(at: string, local: boolean): string {
  const ms = Date.parse(at);
  if (Number.isNaN(ms)) return "";
  const shift = local ? new Date(ms).getTimezoneOffset() * 60_000 : 0;
  return new Date(ms - shift).toISOString().slice(0, 16);
}

function toUtc(field: string): string {
  const ms = Date.parse(field);
  return Number.isNaN(ms) ? "" : new Date(ms).toISOString();
}

/**
 * The log of a service: the newest line is the last one, and stays in view while it is. What is
 * above it does not move.
 *
 * @module
 */
import { batch, type ReadonlySignal, type Signal, useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type LogChoice, logChoices, type LogFilter, type LogLine } from "../lib/lines.ts";
import { timeOfDay } from "../lib/format.ts";
import { utc } from "../lib/time.ts";
import { IS_BROWSER } from "fresh/runtime";
import * as text from "../text.ts";
import { EmptyState } from "./EmptyState.tsx";
import { Icon, type IconName } from "./Icon.tsx";

const { logs } = text.service;

/** Waits until somebody pauses in a word. */
const typing_ms = 250;
/** How near to the end counts as being there. */
const near_px = 40;
/** A line shows so much of its message; the rest opens. */
const maxShown = 400;

const looks: Record<LogLine["level"], { icon: IconName; colour: string }> = {
  debug: { icon: "info", colour: "text-ink-3" },
  info: { icon: "info", colour: "text-info" },
  warn: { icon: "warning", colour: "text-warning" },
  error: { icon: "critical", colour: "text-critical" },
  fatal: { icon: "critical", colour: "text-critical font-semibold" },
};

export function LogPanel({ lines, filter, problem, retry }: {
  /** Oldest first. */
  lines: ReadonlySignal<readonly LogLine[]>;
  filter: Signal<LogFilter>;
  /** Why the lines could not be read. */
  problem: ReadonlySignal<string>;
  retry: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const away = useSignal(false);
  const { level, q, trace } = filter.value;

  useLayoutEffect(() => {
    if (stuck.current) box.current!.scrollTop = box.current!.scrollHeight;
  }, [lines.value]);
  const scrolled = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    stuck.current = scrollHeight - scrollTop - clientHeight < near_px;
    away.value = !stuck.current;
  };
  const change = (part: Partial<LogFilter>) =>
    batch(() => {
      stuck.current = true;
      filter.value = { ...filter.peek(), ...part };
    });

  return (
    <section class="card flex min-w-0 flex-col overflow-hidden" aria-labelledby="logs">
      <div class="flex flex-wrap items-center gap-2 border-b border-line p-3">
        <h2 id="logs" class="mr-auto scroll-mt-20 pl-1 text-sm font-semibold text-ink">
          {logs.title}
        </h2>
        {trace && (
          <button
            type="button"
            class="button min-h-8 px-2 text-xs"
            aria-label={logs.clearTrace}
            onClick={() => change({ trace: "" })}
          >
            {logs.onlyTrace} <span class="font-mono">{trace.slice(0, 8)}</span>
            <span aria-hidden="true">×</span>
          </button>
        )}
        <select
          class="input input-small w-auto"
          aria-label={logs.level}
          value={level}
          onChange={(event) => change({ level: event.currentTarget.value as LogChoice })}
        >
          {(Object.keys(logChoices) as LogChoice[]).map((one) => (
            <option key={one} value={one} selected={one === level}>{logs.levels[one]}</option>
          ))}
        </select>
        <Search q={q} onSearch={(q) => change({ q })} />
      </div>
      <div class="relative">
        <div
          ref={box}
          onScroll={scrolled}
          class="h-[28rem] overflow-y-auto overscroll-contain [overflow-anchor:none]"
          tabIndex={0}
          role="log"
          aria-live="off"
          aria-label={logs.label}
        >
          {problem.value
            ? (
              <EmptyState icon="unplugged" title={text.service.failed} lead={problem.value}>
                <button type="button" class="button" onClick={retry}>{text.service.retry}</button>
              </EmptyState>
            )
            : lines.value.length === 0
            ? <EmptyState icon="info" title={logs.none} lead={logs.noneLead} />
            : (
              <ol class="py-1">
                {lines.value.map((line) => (
                  <Line
                    key={line.id}
                    line={line}
                    onTrace={(trace) => change({ trace })}
                  />
                ))}
              </ol>
            )}
        </div>
        {away.value && (
          <button
            type="button"
            class="button absolute bottom-3 left-1/2 -translate-x-1/2 whitespace-nowrap shadow-lifted"
            onClick={() => box.current!.scrollTo({ top: box.current!.scrollHeight })}
          >
            {logs.newest}
            <Icon name="chevron" />
          </button>
        )}
      </div>
    </section>
  );
}

function Search({ q, onSearch }: { q: string; onSearch: (q: string) => void }) {
  const timer = useRef<ReturnType<typeof setTimeout>>();
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      type="search"
      class="input input-small sm:w-52"
      aria-label={logs.search}
      placeholder={logs.search}
      data-search
      maxlength={200}
      value={q}
      onInput={(event) => {
        const { value } = event.currentTarget;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onSearch(value), typing_ms);
      }}
    />
  );
}

function Line({ line, onTrace }: { line: LogLine; onTrace: (trace: string) => void }) {
  const { t, level, message, trace, more } = line;
  const { icon, colour } = looks[level];
  const long = message.length > maxShown || message.includes("\n");
  const shown = (long ? message.split("\n", 1)[0]!.slice(0, maxShown) : message) +
    (long ? "…" : "");
  const head = (
    <>
      <time
        dateTime={new Date(t).toISOString()}
        title={utc(new Date(t).toISOString())}
        class="shrink-0 text-ink-3 tabular-nums"
      >
        {timeOfDay(t, !IS_BROWSER)}
      </time>
      <span class={`inline-flex h-5 w-14 shrink-0 items-center gap-1 ${colour}`}>
        <Icon name={icon} class="size-3" />
        {text.levels[level]}
      </span>
      <bdi dir="auto" class="min-w-0 flex-1 basis-full wrap-anywhere text-ink sm:basis-0">
        {shown}
      </bdi>
    </>
  );
  const row = "flex min-w-0 flex-1 flex-wrap gap-x-3 sm:flex-nowrap";
  return (
    <li class="flex gap-x-3 px-4 py-1 font-mono text-xs/5 hover:bg-hover">
      {more || long
        ? (
          <details class="min-w-0 flex-1">
            <summary class={`${row} cursor-pointer list-none`}>{head}</summary>
            <pre
              tabIndex={0}
              dir="auto"
              class="my-1 max-h-64 overflow-auto rounded-sm bg-sunken p-3 whitespace-pre-wrap
                wrap-anywhere text-ink-2"
            >{[long && message, more].filter(Boolean).join("\n\n")}</pre>
          </details>
        )
        : <div class={row}>{head}</div>}
      {trace && (
        <button
          type="button"
          class="h-5 shrink-0 text-ink-3 hover:text-accent hover:underline"
          title={logs.trace(trace)}
          aria-label={logs.trace(trace.slice(0, 8))}
          onClick={() => onTrace(trace)}
        >
          {trace.slice(0, 8)}
        </button>
      )}
    </li>
  );
}

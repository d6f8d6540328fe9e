/** How far the platform's functions are behind their topics, and how this page hears of it. @module */
import Age from "../islands/Age.tsx";
import type { Stats } from "../lib/api.ts";
import { live } from "../live/live.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";

/** A report that is older than this is old: functions report every few seconds. */
const silent_ms = 60_000;
/** Messages behind from which on somebody should know. */
const far = 1_000;

export function Pipeline({ pipeline, now }: { pipeline: Stats["pipeline"]; now: number }) {
  const state = live.state.value;
  const well = state === "live" || state === "connecting";
  return (
    <ul class="divide-y divide-line">
      <li class="flex items-center gap-3 px-4 py-2.5">
        <Icon
          name={well ? "healthy" : "warning"}
          class={`size-4 ${well ? "text-ok" : "text-warning"}`}
        />
        <span class="min-w-0 flex-1 truncate text-sm text-ink">{text.overview.pipeline.live}</span>
        <span class="text-xs text-ink-3">{text.live[state]}</span>
      </li>
      {pipeline.length === 0 && (
        <li class="px-4 py-2.5 text-sm text-ink-3">{text.overview.pipeline.none}</li>
      )}
      {pipeline.map((one) => {
        const silent = now - Date.parse(one.timestamp) > silent_ms;
        const behind = silent || one.lag >= far;
        return (
          <li key={`${one.function} ${one.topic}`} class="flex items-center gap-3 px-4 py-2.5">
            <Icon
              name={behind ? "warning" : "healthy"}
              class={`size-4 ${behind ? "text-warning" : "text-ok"}`}
            />
            <span class="min-w-0 flex-1">
              <span class="block truncate text-sm text-ink" title={one.function}>
                {one.function}
              </span>
              <span class="block truncate text-xs text-ink-3">{one.topic}</span>
            </span>
            <span class="text-right text-xs tabular-nums">
              <span class="block text-ink-2">
                {silent ? text.overview.pipeline.silent : text.overview.pipeline.lag(one.lag)}
              </span>
              <span class="block text-ink-3">
                <Age at={one.timestamp} />
              </span>
            </span>
          </li>
        );
      })}
    </ul>
  );
}

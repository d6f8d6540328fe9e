/** One number that matters, what it counts, and what to think of it. @module */
import type { ComponentChildren } from "preact";

export function Figure({ label, value, of, children }: {
  label: string;
  value: string;
  /** Of how many. */
  of?: string | undefined;
  children?: ComponentChildren;
}) {
  return (
    <div class="min-w-0 bg-surface p-4">
      <dt class="truncate text-xs text-ink-3">{label}</dt>
      <dd class="mt-1">
        <span class="text-2xl font-semibold tracking-tight text-ink tabular-nums">{value}</span>
        {of && <span class="ml-1.5 text-sm text-ink-3 tabular-nums">{of}</span>}
        <span class="mt-1 flex min-h-4 flex-wrap items-center gap-x-3 text-xs text-ink-3">
          {children}
        </span>
      </dd>
    </div>
  );
}

/** One number that matters, what it counts, and what to think of it. @module */
import type { ComponentChildren } from "preact";

export function Figure({ label, value, of, href, children }: {
  label: string;
  value: string;
  /** Where what is counted is listed. */
  href?: string;
  /** Of how many. */
  of?: string | undefined;
  children?: ComponentChildren;
}) {
  return (
    <div class={`relative min-w-0 bg-surface p-4 ${href ? "hover:bg-hover" : ""}`}>
      <dt class="truncate text-xs text-ink-3">
        {href
          ? (
            <a
              href={href}
              class="outline-none after:absolute after:inset-0 focus-visible:after:outline-2
                focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent"
            >
              {label}
            </a>
          )
          : label}
      </dt>
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

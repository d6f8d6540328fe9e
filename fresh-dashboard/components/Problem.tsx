/** What went wrong, calmly, and what can be done about it. @module */
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon.tsx";

export function Problem({ icon, code, title, lead, detail, children }: {
  icon: IconName;
  code: string;
  title: string;
  lead: string;
  detail?: string;
  children?: ComponentChildren;
}) {
  return (
    <section class="mx-auto flex max-w-md flex-col items-center px-6 py-[14vh] text-center">
      <span class="grid size-12 place-items-center rounded-xl border border-line bg-surface text-ink-3 shadow-soft">
        <Icon name={icon} class="size-5" />
      </span>
      <p class="mt-6 text-xs font-medium tracking-wide text-ink-3 uppercase">{code}</p>
      <h1 class="mt-1 text-xl font-semibold tracking-tight text-balance text-ink">{title}</h1>
      <p class="mt-2 text-pretty text-ink-2">{lead}</p>
      {detail && <p class="mt-2 text-sm wrap-anywhere text-ink-3">{detail}</p>}
      <div class="mt-6 flex flex-wrap justify-center gap-2">{children}</div>
    </section>
  );
}

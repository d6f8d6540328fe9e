/** That there is nothing, why that is fine, and what brings something here. @module */
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon.tsx";

export function EmptyState({ icon, title, lead, children }: {
  icon: IconName;
  title: string;
  lead?: string | undefined;
  children?: ComponentChildren;
}) {
  return (
    <div class="flex flex-col items-center justify-center px-6 py-10 text-center">
      <span class="grid size-9 place-items-center rounded-lg bg-sunken text-ink-3">
        <Icon name={icon} />
      </span>
      <p class="mt-3 text-sm font-medium text-ink">{title}</p>
      {lead && <p class="mt-1 max-w-prose text-sm text-pretty text-ink-3">{lead}</p>}
      {children && <div class="mt-4 flex flex-wrap justify-center gap-2">{children}</div>}
    </div>
  );
}

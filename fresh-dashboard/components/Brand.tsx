/** The name and the sign of the product. @module */
import * as text from "../text.ts";

export function Brand() {
  return (
    <span class="inline-flex items-center gap-2 font-semibold tracking-tight text-ink">
      <svg class="size-6 shrink-0" viewBox="0 0 24 24" aria-hidden="true">
        <rect width="24" height="24" rx="6.5" class="fill-accent-strong" />
        <path
          d="M4.5 13h3.2l2-5.5 3.6 9.5 2.4-6.2 1 2.2h2.8"
          fill="none"
          class="stroke-white"
          stroke-width="1.9"
          stroke-linecap="round"
          stroke-linejoin="round"
        />
      </svg>
      {text.product}
    </span>
  );
}

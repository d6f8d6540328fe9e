/** Light, dark, or as the system is: a form, so that it works without scripts. @module */
import type { Theme } from "../define.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";

export function ThemeChoice({ theme, back }: { theme: Theme; back: string }) {
  return (
    <form
      method="post"
      action="/theme"
      class="grid grid-cols-3 gap-0.5 rounded-md bg-sunken p-0.5"
      aria-label={text.theme.label}
    >
      <input type="hidden" name="back" value={back} />
      {(["system", "light", "dark"] as const).map((one) => (
        <button
          key={one}
          type="submit"
          name="theme"
          value={one}
          aria-pressed={one === theme}
          class="flex items-center justify-center gap-1.5 rounded-[5px] px-2 py-1.5 text-xs text-ink-2
            hover:text-ink aria-pressed:bg-thumb aria-pressed:text-ink aria-pressed:shadow-soft"
        >
          <Icon name={one} class="size-3.5" />
          {text.theme[one]}
        </button>
      ))}
    </form>
  );
}

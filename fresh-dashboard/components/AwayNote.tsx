/** Says that what the page shows is old, over the page, so that nothing moves. @module */
import Age from "../islands/Age.tsx";
import { live } from "../live/live.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";

export function AwayNote() {
  if (live.state.value !== "offline") return null;
  const heard = live.heard.value;
  return (
    <p
      role="alert"
      class="fixed inset-x-4 bottom-20 z-30 mx-auto flex max-w-md items-center gap-2.5 rounded-lg
        border border-line bg-raised px-4 py-3 text-sm text-ink shadow-lifted lg:bottom-6"
    >
      <Icon name="unplugged" class="size-4 text-critical" />
      <span>
        {text.away.offline} {heard > 0 && <Age at={new Date(heard).toISOString()} ago />}
      </span>
    </p>
  );
}

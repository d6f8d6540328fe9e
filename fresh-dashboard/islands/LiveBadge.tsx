/** How the live connection of this page is. @module */
import { useEffect } from "preact/hooks";
import type { LiveState } from "../live/connection.ts";
import { live } from "../live/live.ts";
import * as text from "../text.ts";

const looks: Record<LiveState, { dot: string; text: string }> = {
  connecting: { dot: "live-dot live-dot-busy text-ink-3", text: "text-ink-3" },
  live: { dot: "live-dot live-dot-on text-ok", text: "text-ink-2" },
  reconnecting: { dot: "live-dot live-dot-busy text-warning", text: "text-warning" },
  offline: { dot: "live-dot live-dot-off text-critical", text: "text-critical" },
  signed_out: { dot: "live-dot live-dot-off text-ink-3", text: "text-ink-2" },
};

export default function LiveBadge({ back }: { back: string }) {
  useEffect(() => live.start(), []);
  const state = live.state.value;
  const look = looks[state];
  return (
    <p
      role="status"
      title={text.live.explain[state]}
      class={`flex w-28 items-center justify-end gap-2 text-xs lg:justify-start ${look.text}`}
    >
      <span class={look.dot} aria-hidden="true"></span>
      {state === "signed_out"
        ? (
          <a class="underline" href={`/login?next=${encodeURIComponent(back)}`}>
            {text.live.signed_out}
          </a>
        )
        : text.live[state]}
    </p>
  );
}

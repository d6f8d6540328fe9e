/** How long ago something was, ticking; the time itself on hover. Also a component of islands. */
import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { clock, now, tick } from "../live/clock.ts";
import { age, utc } from "../lib/time.ts";

export default function Age({ at }: { at: string }) {
  useEffect(tick, []);
  const said = useComputed(() => age(at, clock.value || now()));
  return <time datetime={at} title={utc(at)} class="tabular-nums">{said}</time>;
}

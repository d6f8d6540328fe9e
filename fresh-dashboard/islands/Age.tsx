/** How long ago something was, ticking; the time itself on hover. Also a component of islands. */
import { useComputed } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { clock, now, tick } from "../live/clock.ts";
import { age, ageAgo, utc } from "../lib/time.ts";

/** @param props.ago for a sentence: `3m ago` and not `3m` */
export default function Age({ at, ago = false }: { at: string; ago?: boolean }) {
  useEffect(tick, []);
  const said = useComputed(() => (ago ? ageAgo : age)(at, clock.value || now()));
  return <time datetime={at} title={utc(at)} class="tabular-nums">{said}</time>;
}

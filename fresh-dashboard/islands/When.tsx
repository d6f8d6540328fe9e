/**
 * A time: in UTC as the server renders it, in the reader's zone once the page lives, without a
 * change of its width. UTC on hover. Also a component of islands.
 */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inZone, utc } from "../lib/time.ts";

const here = signal<string>("UTC");

export default function When({ at }: { at: string }) {
  useEffect(() => void (here.value = Intl.DateTimeFormat().resolvedOptions().timeZone), []);
  return (
    <time
      datetime={at}
      title={utc(at)}
      class="inline-block min-w-[22ch] tabular-nums"
    >
      {inZone(at, here.value)}
    </time>
  );
}

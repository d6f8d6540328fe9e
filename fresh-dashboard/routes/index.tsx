/** The overview. */
import { page } from "fresh";
import { Head } from "fresh/runtime";
import { define } from "../define.ts";
import * as text from "../text.ts";

export const handler = define.handlers({
  GET: async ({ state }) => page({ stats: await state.api.stats() }),
});

export default define.page<typeof handler>(({ data: { stats } }) => (
  <>
    <Head>
      <title>{text.title(text.overview.title)}</title>
    </Head>
    <div class="page">
      <h1 class="page-title">{text.overview.title}</h1>
      <p class="mt-2 tabular-nums text-ink-2">{stats.total_services}</p>
    </div>
  </>
));

/** Every service there is. */
import { page } from "fresh";
import { Head } from "fresh/runtime";
import { define } from "../../define.ts";
import ServiceList from "../../islands/ServiceList.tsx";
import { byNeed } from "../../lib/overview.ts";
import * as text from "../../text.ts";

export const handler = define.handlers({
  GET: async ({ state: { api }, url }) => {
    const { service_stats } = await api.stats();
    return page({ stats: byNeed(service_stats), q: url.searchParams.get("q") ?? "" });
  },
});

export default define.page<typeof handler>(({ data }) => (
  <div class="page">
    <Head>
      <title>{text.title(text.services.title)}</title>
    </Head>
    <ServiceList {...data} />
  </div>
));

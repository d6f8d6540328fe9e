/** Which services and metrics there are, for forms that name them. On the server. @module */
import type { Api } from "./api.ts";

/** Names that a form offers; more can be typed. */
const most = 500;

export async function known(api: Api): Promise<{ services: string[]; metrics: string[] }> {
  const latest = await api.latestMetrics();
  const metrics = new Set(latest.flatMap(({ metrics }) => Object.keys(metrics)));
  return {
    services: latest.map(({ service_name }) => service_name).slice(0, most),
    metrics: [...metrics].sort().slice(0, most),
  };
}

/** The dashboard inside the platform: its pages are in `fresh-dashboard/`. @module */
import type { Config } from "functions/config.ts";
import { defineService, type Service } from "functions/define.ts";

/** @param addresses where the services of this process listen; asked for with each request */
export function dashboard(config: Config, addresses: ReadonlyMap<string, string>): Service {
  const backend = () => addresses.get("ui-backend") ?? config.UI_BACKEND_URL;
  const open = async () => {
    const { dashboard } = await import("fresh-dashboard/main.ts");
    return await dashboard({
      backend,
      production: config.ENVIRONMENT === "production",
      ...(config.DASHBOARD_VITE ? { vite: config.DASHBOARD_VITE } : {}),
    });
  };
  // Loaded when they are asked for first: other services need none of it. A developer waits for it.
  let pages = config.DASHBOARD_VITE ? open() : undefined;
  return defineService({
    name: "dashboard",
    port: config.DASHBOARD_PORT,
    functions: [],
    fetch: async (request, info) => (await (pages ??= open()))(request, info),
  });
}

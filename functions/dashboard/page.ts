/** What port 3001 shows until the browser app exists. @module */
import { defineFunction, http } from "functions/define.ts";

export default defineFunction({
  name: "dashboard.page",
  on: http("GET /", { access: "public", summary: "Says where to look" }),
  handler({ request }, { config }) {
    const { hostname } = new URL(request.url);
    return new Response(page(`http://${hostname}:${config.UI_BACKEND_PORT}`), {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      },
    });
  },
});

function page(api: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>EventFlow</title>
<style>
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem }
  h1 { font-size: 1.5rem; margin: 0 0 .5rem }
  code { font-size: .9em; background: #8883; padding: .1em .35em; border-radius: .25em }
  li { margin: .35rem 0 }
</style>
<h1>EventFlow is running</h1>
<p>The dashboard is not built yet. Everything it will show is in the API:</p>
<ul>
  <li><a href="${api}/docs/">API documentation</a>: log in there with
    <code>POST /api/auth/login</code></li>
  <li><a href="${api}/api/health">Health</a></li>
  <li>Live updates: <code>${api.replace(/^http/, "ws")}/ws?token=…</code></li>
</ul>
</html>`;
}

/** Swagger UI from its npm package: the only door to swagger-ui-dist; nothing comes from outside. @module */

/** Loaded when somebody looks: the script is larger than the rest of the platform. */
const files: Record<string, { type: string; load: () => Promise<string> }> = {
  "swagger-ui.css": {
    type: "text/css",
    load: async () =>
      (await import("swagger-ui-dist/swagger-ui.css", { with: { type: "text" } })).default,
  },
  "swagger-ui-bundle.js": {
    type: "text/javascript",
    load: async () =>
      (await import("swagger-ui-dist/swagger-ui-bundle.js", { with: { type: "text" } })).default,
  },
  // Kept out of the page, so that the page needs no inline script.
  "start.js": {
    type: "text/javascript",
    load: () =>
      Promise.resolve(
        `SwaggerUIBundle({ url: "../openapi.json", dom_id: "#docs", persistAuthorization: true });`,
      ),
  },
};

/** One file of the documentation page; `""` is the page. */
export async function swagger(file: string, title: string): Promise<Response> {
  const found = file === ""
    ? { type: "text/html", load: () => Promise.resolve(page(title)) }
    : Object.hasOwn(files, file)
    ? files[file]
    : undefined;
  if (!found) return new Response("There is no such file", { status: 404 });
  return new Response(await found.load(), {
    headers: {
      "content-type": `${found.type}; charset=utf-8`,
      "content-security-policy":
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    },
  });
}

function page(title: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="stylesheet" href="swagger-ui.css">
<link rel="icon" href="data:,">
<div id="docs"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="start.js"></script>
</html>`;
}

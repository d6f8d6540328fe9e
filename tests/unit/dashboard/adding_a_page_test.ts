/** `docs/ADDING_A_PAGE.md`, followed to the letter. @module */
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { dashboard } from "fresh-dashboard/main.ts";
import { FakeBackend } from "tests/support/fake_backend.ts";

const project = fileURLToPath(new URL("../../../", import.meta.url));

Deno.test("a page is one route file and one island file, with nothing else touched", async () => {
  const guide = await readFile(join(project, "docs/ADDING_A_PAGE.md"), "utf8");
  const files = [...guide.matchAll(/^`fresh-dashboard\/(\S+\.tsx)`.*?^```tsx\n(.*?)^```$/gms)]
    .map(([, path, content]) => [path!, content!] as const);
  assert.deepEqual(files.map(([path]) => dirname(path)), ["routes", "islands"]);

  const root = await mkdtemp(join(tmpdir(), "eventflow-page-"));
  await cp(join(project, "fresh-dashboard"), root, {
    recursive: true,
    filter: (path) => !/[/\\]_fresh/.test(path),
  });
  for (const [path, content] of files) {
    await writeFile(join(root, path), content, { flag: "wx" });
  }
  const backend = new FakeBackend();
  const handler = await dashboard({
    root,
    backend: () => "http://backend",
    fetch: backend.fetch as typeof fetch,
  });
  const ask = (path: string, init: RequestInit = {}) =>
    handler(
      new Request(`http://dash${path}`, {
        ...init,
        headers: { "sec-fetch-site": "same-origin", ...init.headers },
      }),
    );
  const login = await ask("/login?next=/firing", {
    method: "POST",
    body: new URLSearchParams({ username: "ana", password: "demo" }),
  });
  const cookie = login.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");
  const response = await ask(login.headers.get("location")!, { headers: { cookie } });
  const html = await response.text();
  assert.equal(response.status, 200);
  assert.match(html, /<title>Firing · EventFlow<\/title>/);
  assert.match(html, /<h1 class="page-title"><fresh-island data-n="\d">0 firing<\/fresh-island>/);
  assert.match(html, /"islands\/FiringCount.tsx"/);
  assert.equal(backend.requests.at(-1)!.path, "/api/alerts?status=firing&limit=5");
  await rm(root, { recursive: true });
});

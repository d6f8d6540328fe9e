/** The Fresh-shaped layer, with a small app of its own. @module */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Signal } from "@preact/signals";
import { App, staticFiles } from "fresh";
import type { PageData } from "fresh-dashboard/fresh/islands.ts";
import { readProps } from "fresh-dashboard/fresh/props.ts";

const root = fileURLToPath(new URL("./app/", import.meta.url));
const errors: unknown[] = [];
const assets = (islands: readonly string[]) => ({
  head: "",
  modules: islands.map((file) => `/${file}`),
  tail: islands.length > 0 ? '<script type="module" src="/client.js"></script>' : "",
});
const app = new App<object>({ assets, onError: (error) => errors.push(error) });
app.use(async (ctx) => {
  const response = await ctx.next();
  response.headers.set("x-outer", "1");
  return response;
});
app.use(staticFiles(root));
await app.fsRoutes(root);
const handler = app.handler();
const ask = (path: string, init?: RequestInit) => handler(new Request(`http://here${path}`, init));

const routes: [string, string, string, number, RegExp][] = [
  [
    "a page has the app and the layout around it",
    "GET",
    "/",
    200,
    /<body><main data-layout="root"><p>plain<\/p><\/main><\/body>/,
  ],
  ["a parameter", "GET", "/things/7", 203, /<p title="7">7<\/p>/],
  [
    "a parameter is decoded, and escaped in the page",
    "GET",
    "/things/%3Cb%3E%22",
    203,
    /<p title="&lt;b>&quot;">&lt;b>&quot;<\/p>|<p title="&lt;b&gt;&quot;">&lt;b&gt;&quot;<\/p>/,
  ],
  [
    "a static part goes before a parameter; pages may be async",
    "GET",
    "/things/new",
    200,
    /new thing/,
  ],
  ["what Head has is in the head", "GET", "/things/7", 203, /<title>Thing 7<\/title><\/head>/],
  [
    "a folder in parentheses is in no address, its layout is inside the others",
    "GET",
    "/inside",
    200,
    /data-layout="root"><div data-layout="quiet"><p>inside/,
  ],
  ["a page may leave out the layouts", "GET", "/bare", 200, /<body><p>bare<\/p><\/body>/],
  ["a rest", "GET", "/files/a/b%20c", 200, /^GET a\/b c$/],
  ["one handler for every method", "DELETE", "/files/x", 200, /^DELETE x$/],
  ["a middleware of a folder may answer itself", "GET", "/things/7?stop", 200, /^stopped$/],
  ["nothing there", "GET", "/nowhere", 404, /data-layout="root"><p>404 HTTP 404/],
  [
    "an error with a status is shown by the error page",
    "GET",
    "/things/gone",
    410,
    /<p>410 gone for good<\/p>/,
  ],
  ["any other error says nothing", "GET", "/things/bug", 500, /<p>a bug<\/p>/],
  ["a method that is not there", "PUT", "/things/7", 405, /405/],
  ["an address that cannot be decoded", "GET", "/things/%E0%A4%A", 400, /400/],
  ["a file", "GET", "/hello.txt", 200, /^hello\n$/],
  ["no file outside the folder", "GET", "/..%2f..%2ffresh_test.txt", 404, /404/],
];
for (const [name, method, path, status, body] of routes) {
  Deno.test(`routes: ${name}`, async () => {
    const response = await ask(path, { method });
    const text = await response.text();
    assert.equal(response.status, status);
    assert.match(text, body);
    assert.equal(response.headers.get("x-outer"), "1");
    assert.doesNotMatch(text, /secret detail/);
  });
}

Deno.test("middlewares run from the outside in, also where there is no route", async () => {
  assert.equal((await ask("/things/7")).headers.get("x-trail"), "root,things");
  assert.equal((await ask("/")).headers.get("x-trail"), "root");
});

Deno.test("what was not foreseen is told", async () => {
  errors.length = 0;
  await ask("/things/bug");
  await ask("/things/gone");
  assert.deepEqual(errors.map(String), ["TypeError: secret detail"]);
});

Deno.test("HEAD has the headers of GET and no body", async () => {
  const response = await ask("/things/7", { method: "HEAD" });
  assert.equal(response.status, 203);
  assert.equal(response.headers.get("x-own"), "1");
  assert.equal(await response.text(), "");
});

Deno.test("a redirect to a path stays here", async () => {
  const response = await ask("/things/7", { method: "POST" });
  assert.equal(response.status, 303);
  assert.equal(response.headers.get("location"), "/evil.example/x");
});

Deno.test("a page without islands has no script", async () => {
  assert.doesNotMatch(await (await ask("/")).text(), /<script|fresh-island/);
});

Deno.test("islands are marked, their props travel as data, and a signal stays one", async () => {
  const html = await (await ask("/live")).text();
  assert.equal(html.match(/<fresh-island /g)?.length, 2, "an island in an island is part of it");
  assert.match(
    html,
    /<fresh-island data-n="1"><div><button type="button">inner 7 1<\/button><\/div>/,
  );
  const scripts = [...html.matchAll(/<script([^>]*)>(.*?)<\/script>/g)];
  assert.deepEqual(scripts.map(([, attributes]) => attributes), [
    ' type="application/json" id="fresh-islands"',
    ' type="module" src="/client.js"',
  ], "what islands are given cannot begin a script");
  const data = readProps(scripts[0]![2]!) as PageData;
  assert.deepEqual(data.modules, ["/islands/Counter.tsx"]);
  assert.deepEqual(data.islands.map(({ name }) => name), ["default", "Pair"]);
  const [a, b] = data.islands.map(({ props }) => (props as { count: Signal }).count);
  assert(a instanceof Signal && a === b);
  assert.equal(a.value, 7);
});

Deno.test("routes of another version take the place of those before, modules and all", async () => {
  const root = await mkdtemp(join(tmpdir(), "eventflow-routes-"));
  const write = (name: string, text: string) =>
    writeFile(
      join(root, "routes", name),
      `export const handler = () => new Response("${text}");`,
    );
  await mkdir(join(root, "routes"));
  await mkdir(join(root, "islands"));
  await Promise.all([write("edited.ts", "before"), write("removed.ts", "here")]);
  const app = await new App<object>().fsRoutes(root);
  const handler = app.handler();
  const ask = async (path: string) => {
    const response = await handler(new Request(`http://here${path}`));
    return `${response.status} ${(await response.text()).trim()}`;
  };
  assert.equal(await ask("/edited"), "200 before");
  await Promise.all([write("edited.ts", "after"), write("added.ts", "new")]);
  await rm(join(root, "routes/removed.ts"));
  assert.equal(await ask("/edited"), "200 before");
  await app.fsRoutes(root, "2");
  const answers = await Promise.all(["/edited", "/added", "/removed"].map(ask));
  assert.deepEqual(answers, ["200 after", "200 new", "404 404"]);
  await rm(root, { recursive: true });
});

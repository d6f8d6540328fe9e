/**
 * `deno task dev` in a copy of the working tree, where files can be edited while it runs: what a
 * developer of the dashboard sees and waits for.
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { eventually } from "tests/support/process.ts";

const root = new URL("../../", import.meta.url).pathname;

/** A server that has said where it listens. */
export interface DevServer {
  /** Of the dashboard, e.g. `http://localhost:40123`. */
  readonly address: string;
  /** Epoch milliseconds. */
  readonly started_at: number;
  /** Ends it as an operator would, with all that it started. */
  stop(): Promise<void>;
}

export interface DevLoop {
  /** Runs the task; the first start of a copy is a cold one. */
  start(): Promise<DevServer>;
  /** Writes a file of the copy anew, with one text of it replaced; resolves with when that was. */
  edit(path: string, text: string, replacement: string): Promise<number>;
  close(): Promise<void>;
}

/** Copies what git would keep: no build, no packages, no data. */
export async function openDevLoop(): Promise<DevLoop> {
  const copy = await Deno.makeTempDir({ prefix: "eventflow-dev-", dir: tmpdir() });
  const listed = await new Deno.Command("git", {
    args: ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    cwd: root,
  }).output();
  assert(listed.success, new TextDecoder().decode(listed.stderr));
  for (const path of new TextDecoder().decode(listed.stdout).split("\0")) {
    // What was deleted is listed until that is committed.
    if (!path || !existsSync(join(root, path))) continue;
    await mkdir(dirname(join(copy, path)), { recursive: true });
    await copyFile(join(root, path), join(copy, path));
  }
  const originals = new Map<string, string>();
  return {
    start: () => start(copy),
    async edit(path, text, replacement) {
      const file = join(copy, path);
      const original = originals.get(path) ?? await readFile(file, "utf8");
      originals.set(path, original);
      assert.equal(original.split(text).length, 2, `${path} has "${text}" once`);
      await writeFile(file, original.replace(text, replacement));
      return Date.now();
    },
    close: () => rm(copy, { recursive: true }),
  };
}

const services = ["AUTH", "ORDERS", "PAYMENTS", "NOTIFICATION", "ANALYZER", "ALERT_ENGINE"]
  .concat("UI_BACKEND", "INGEST");

async function start(copy: string): Promise<DevServer> {
  const started_at = Date.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "dev"],
    cwd: copy,
    env: {
      ...Object.fromEntries(services.map((name) => [`${name}_PORT`, "0"])),
      // Not 0: a server that starts again has to be where its pages look for it.
      DASHBOARD_PORT: String(freePort()),
      NO_COLOR: "1",
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let written = "";
  const listening = Promise.withResolvers<string>();
  const readers = [child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      written += text;
      const address = /^ +dashboard +(http:\S+)$/m.exec(written)?.[1];
      if (address) listening.resolve(address);
    }
  });
  // The pipes end with the last process that has them: nothing that was started is left then.
  const ended = (async () => {
    await Promise.all([child.status, ...readers]);
    listening.reject(new Error(`deno task dev ended while it started:\n${written}`));
  })();
  return {
    address: await listening.promise,
    started_at,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

/** Opens a page and resolves with when it was first painted, with its styles, epoch milliseconds. */
export async function paint(page: Page, address: string): Promise<number> {
  await page.goto(address);
  const styles = await page.evaluate(() => document.styleSheets.length);
  assert.equal(styles, 1, "the page came before Vite did: it is bare");
  return await page.evaluate(async () => {
    const painted = await new Promise<PerformanceEntry>((resolve) =>
      new PerformanceObserver((list) => {
        const entry = list.getEntriesByName("first-contentful-paint")[0];
        if (entry) resolve(entry);
      }).observe({ type: "paint", buffered: true })
    );
    return performance.timeOrigin + painted.startTime;
  });
}

const kept = "typed before the edit";

/** Opens the form of a new rule and types into it: state that an edit may cost. */
export async function typeIntoIsland(page: Page, address: string): Promise<void> {
  await page.goto(`${address}/rules/new`);
  await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
  // The form comes to life when its own modules are there: what is typed before, it does not hear.
  await eventually(async () => {
    await page.getByLabel("Name").fill("");
    await page.getByLabel("Name").fill(kept);
    return await page.getByText("Not saved yet").isVisible();
  }, Boolean);
  await page.evaluate(() => {
    Object.assign(globalThis, { same: true });
    // The form asks before it lets itself be loaded again: here that is to be seen, not prevented.
    addEventListener("beforeunload", (event) => event.stopImmediatePropagation(), true);
  });
}

/** Edits that form's island, and resolves with how long until the page showed it, milliseconds. */
export async function editIsland(loop: DevLoop, page: Page, text: string): Promise<number> {
  // Looks in each frame, so that nothing but the edit is measured.
  const shown = page.waitForFunction(
    (wanted) => document.body.textContent.includes(wanted) && Date.now(),
    text,
  );
  const edited = await loop.edit(
    "fresh-dashboard/islands/RuleForm.tsx",
    "title={words.what}",
    `title="${text}"`,
  );
  const at = await (await shown).jsonValue();
  assert(await page.getByText(text, { exact: true }).isVisible());
  return Number(at) - edited;
}

/** Fails where the page was loaded again, or the form forgot what was typed. */
export async function assertStateKept(page: Page): Promise<void> {
  assert.equal(await page.evaluate(() => "same" in globalThis), true, "the page was loaded again");
  assert.equal(await page.getByLabel("Name").inputValue(), kept, "what was typed is lost");
  assert(await page.getByText("Not saved yet").isVisible(), "the island's signals are lost");
}

/** Edits the route of the rules, and resolves with how long until its page showed it, milliseconds. */
export async function editRoute(loop: DevLoop, page: Page, text: string): Promise<number> {
  const edited = await loop.edit(
    "fresh-dashboard/routes/rules/index.tsx",
    "{rules.title}</h1>",
    `${text}</h1>`,
  );
  await page.getByRole("heading", { name: text }).waitFor();
  return Date.now() - edited;
}

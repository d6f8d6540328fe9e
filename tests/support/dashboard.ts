/** The dashboard as it is built, on a free port, before a backend; and pages of it. @module */
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { dashboard } from "fresh-dashboard/main.ts";

const root = new URL("../../", import.meta.url).pathname;
/** Where screenshots are kept to be looked at. */
const shots = `${root}dist/screenshots`;

/** Builds the browser half where it is older than its sources. */
export async function buildDashboard(): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "dashboard:build"],
    cwd: root,
    stderr: "piped",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

export interface RunningDashboard {
  /** E.g. `http://127.0.0.1:40123`. */
  readonly address: string;
  readonly backend: () => string;
  close(): Promise<void>;
}

/** Serves it; `port` 0 is a free one. */
export async function startDashboard(backend: () => string, port = 0): Promise<RunningDashboard> {
  const handler = await dashboard({ backend });
  const server = Deno.serve(
    { port, hostname: "127.0.0.1", onListen() {} },
    (request) => handler(request, { upgrade: (target) => Deno.upgradeWebSocket(target) }),
  );
  return {
    address: `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}`,
    backend,
    close: () => server.shutdown(),
  };
}

/** A way of looking at a page. */
export interface Look {
  readonly width: 360 | 1440;
  readonly scheme: "light" | "dark";
}

export const looks: readonly Look[] = ([360, 1440] as const).flatMap((width) =>
  (["light", "dark"] as const).map((scheme) => ({ width, scheme }))
);

export interface OpenPage {
  readonly page: Page;
  /** What the console said that it should not. */
  readonly complaints: string[];
  /** Keeps a picture of it. */
  shoot(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a browser's page of its own cookies, not signed in. */
export async function openPage(browser: Browser, { width, scheme }: Look): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width, height: width === 360 ? 740 : 900 },
    colorScheme: scheme,
    // A picture shows the same whenever it is taken.
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  return {
    page,
    complaints,
    async shoot(name) {
      await Deno.mkdir(shots, { recursive: true });
      const path = `${shots}/${name}-${width}-${scheme}.png`;
      // On a busy machine Chromium may be unable to; the picture is no part of the test.
      await page.screenshot({ path }).catch(() => page.screenshot({ path }));
    },
    close: () => context.close(),
  };
}

/** Signs in through the login page. */
export async function signIn(page: Page, address: string, username = "ana"): Promise<void> {
  await page.goto(`${address}/login`);
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password").fill("demo");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${address}/`);
}

/** What axe-core finds wrong with a page, one line each. */
export async function violations(page: Page): Promise<string[]> {
  // Evaluated by the debugger, so that the page's policy stays in force.
  await page.evaluate(axe.source);
  return await page.evaluate(async () => {
    // deno-lint-ignore no-explicit-any -- it is the page's now
    const { violations } = await (globalThis as any).axe.run();
    // deno-lint-ignore no-explicit-any
    return violations.flatMap((one: any) =>
      // deno-lint-ignore no-explicit-any
      one.nodes.map((node: any) => `${one.id}: ${node.html.slice(0, 120)} ${node.failureSummary}`)
    );
  });
}

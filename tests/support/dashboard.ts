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
  readonly width: 360 | 1440 | 2560;
  readonly scheme: "light" | "dark";
}

const heights = { 360: 740, 1440: 900, 2560: 1440 } as const;

/** Those of most tests. */
export const looks: readonly Look[] = ([360, 1440] as const).flatMap((width) =>
  (["light", "dark"] as const).map((scheme) => ({ width, scheme }))
);

export interface OpenPage {
  readonly page: Page;
  /** What the console said that it should not, and dialogs: nothing of ours opens one. */
  readonly complaints: string[];
  /** Keeps a picture of it. */
  shoot(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens a browser's page of its own cookies, not signed in. */
export async function openPage(browser: Browser, { width, scheme }: Look): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width, height: heights[width] },
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
  page.on("dialog", async (dialog) => {
    complaints.push(`${dialog.type()}: ${dialog.message()}`);
    await dialog.dismiss();
  });
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
export async function signIn(
  page: Page,
  address: string,
  username = "ana",
  password = "demo",
): Promise<void> {
  await page.goto(`${address}/login`);
  await page.getByLabel("User name").fill(username);
  await page.getByLabel("Password").fill(password);
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

/** Nothing wrong with how a page is made, nothing too wide, nothing said by the console. */
export async function isSound(page: Page, complaints: string[], width: number): Promise<void> {
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(complaints, []);
  const [wide, beyond] = await page.evaluate((width) => [
    document.scrollingElement!.scrollWidth,
    [...document.querySelectorAll("main *")]
      .filter((one) => one.getBoundingClientRect().right > width)
      .map((one) => one.outerHTML.slice(0, 120)),
  ], width);
  assert(
    wide <= width,
    `It is ${wide} px wide; some of what sticks out:\n${beyond.slice(-8).join("\n")}`,
  );
}

/** What a reader feels of a page, since it was opened. */
export interface Felt {
  /** Milliseconds until there was something to see; 0 before. */
  readonly painted_ms: number;
  /** What tasks took beyond 50 ms each, in all: the page did not answer meanwhile. */
  readonly blocked_ms: number;
  /** How far things moved by themselves, in all. */
  readonly shifted: number;
}

/** Measures that on every document that the page opens from now on. */
export async function watchFelt(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const felt = { painted_ms: 0, blocked_ms: 0, shifted: 0 };
    Object.assign(globalThis, { felt });
    new PerformanceObserver((list) => {
      for (const { name, startTime } of list.getEntries()) {
        if (name === "first-contentful-paint") felt.painted_ms = startTime;
      }
    }).observe({ type: "paint", buffered: true });
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) felt.blocked_ms += Math.max(0, duration - 50);
    }).observe({ type: "longtask", buffered: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        const { value, hadRecentInput } = entry as unknown as {
          value: number;
          hadRecentInput: boolean;
        };
        if (!hadRecentInput) felt.shifted += value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
}

export function feltOn(page: Page): Promise<Felt> {
  return page.evaluate(() => ({ ...(globalThis as unknown as { felt: Felt }).felt }));
}

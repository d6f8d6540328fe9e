/**
 * `deno task bench:dashboard`: the built dashboard before the real platform, in Debian's Chromium,
 * with 50 services that send a sample a second each, and `deno task dev`. Prints what a reader and
 * a developer would feel.
 *
 * @module
 */
import type { Page } from "playwright-core";
import { openPage, signIn } from "tests/support/dashboard.ts";
import { history, scriptBytes, startPlatform } from "tests/support/platform.ts";
import { measureDevLoop } from "./dashboard_dev.ts";
import { median, pause, quantile, under } from "./measure.ts";

const names = Array.from({ length: 50 }, (_, i) => `service-${i}`);
const probes = Deno.args.includes("--quick") ? 20 : 100;

/** What the page notes of itself: layout shift, long tasks, frames, and texts that were waited for. */
interface Notes {
  shift: number;
  blocked_ms: number;
  frames: number[];
  wanted: Record<string, number>;
}

/** Runs in the browser, before the page's own scripts. */
function takeNotes(): void {
  const notes: Notes = { shift: 0, blocked_ms: 0, frames: [], wanted: {} };
  (globalThis as unknown as { notes: Notes }).notes = notes;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { value: number })[]) {
      notes.shift += entry.value;
    }
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) notes.blocked_ms += Math.max(0, entry.duration - 50);
  }).observe({ type: "longtask", buffered: true });
  const frame = (at: number) => {
    notes.frames.push(at);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const text = target.parentElement?.textContent ?? "";
      for (const wanted in notes.wanted) {
        if (notes.wanted[wanted] !== 0 || !text.includes(wanted)) continue;
        // The change is painted with the next frame.
        requestAnimationFrame(() => notes.wanted[wanted] = Date.now());
        notes.wanted[wanted] = -1;
      }
    }
  }).observe(document, { subtree: true, childList: true, characterData: true });
}

const read = (page: Page) => page.evaluate(() => (globalThis as unknown as { notes: Notes }).notes);

const platform = await startPlatform();
try {
  await platform.metrics(...names.flatMap((name) => history(name, 1)));
  let feeding = true;
  const feeder = (async () => {
    for (let round = 0; feeding; round++) {
      const began = performance.now();
      await platform.metrics(...names.map((service_name, i) => ({
        service_name,
        metric_type: "cpu",
        value: 30 + ((round + i) % 20),
        unit: "percent",
      })));
      await pause(Math.max(0, 1_000 - (performance.now() - began)));
    }
  })();

  const { page } = await openPage(platform.browser, { width: 1440, scheme: "light" });
  await signIn(page, platform.address);
  await page.addInitScript(takeNotes);
  await page.goto(platform.address);
  await pause(8_000);
  const loaded = await read(page);
  const paint = await page.evaluate(() =>
    performance.getEntriesByName("first-contentful-paint")[0]!.startTime
  );
  console.log(`Overview, ${names.length} services, a sample a second each:`);
  under("first contentful paint", paint, "ms", 1_000);
  under("total blocking time", loaded.blocked_ms, "ms", 200);
  under("layout shift", loaded.shift, "", 0.05);

  const delays: number[] = [];
  for (let i = 0; i < probes; i++) {
    // A value that no card shows yet, of a service whose card does.
    const text = `${(60 + i * 0.1).toFixed(1)}%`.replace(".0%", "%");
    await page.evaluate((wanted) => {
      (globalThis as unknown as { notes: Notes }).notes.wanted = { [wanted]: 0 };
    }, text);
    const posted = Date.now();
    await platform.metrics({
      service_name: names[i % 10]!,
      metric_type: "memory",
      value: Number.parseFloat(text),
      unit: "percent",
    });
    await page.waitForFunction(
      (wanted) => (globalThis as unknown as { notes: Notes }).notes.wanted[wanted]! > 0,
      text,
      { timeout: 10_000 },
    );
    delays.push((await read(page)).wanted[text]! - posted);
    await pause(50);
  }
  under(`posted sample → moved pixel, median`, median(delays), "ms", 500);
  under(`posted sample → moved pixel, 95th`, quantile(delays, 0.95), "ms", 500);

  const burst_s = 5;
  await page.evaluate(() => (globalThis as unknown as { notes: Notes }).notes.frames = []);
  const until = performance.now() + burst_s * 1_000;
  let sent = 0;
  while (performance.now() < until) {
    const began = performance.now();
    await platform.metrics(...Array.from({ length: 100 }, (_, i) => ({
      service_name: names[i % names.length]!,
      metric_type: i < names.length ? "latency_p95" : "request_rate",
      value: 100 + (sent++ % 97),
      unit: i < names.length ? "ms" : "req/s",
    })));
    await pause(Math.max(0, 100 - (performance.now() - began)));
  }
  const { frames } = await read(page);
  const gaps = frames.slice(1).map((at, i) => at - frames[i]!);
  console.log(
    `${"frames while 1,000 updates a second come".padEnd(40)} ${
      (1_000 * gaps.length / (frames.at(-1)! - frames[0]!)).toFixed(0)
    } a second at ${Math.round(sent / burst_s)} updates a second, 95th percentile of a frame ${
      quantile(gaps, 0.95).toFixed(0)
    } ms`,
  );
  feeding = false;
  await feeder;

  for (const path of ["/", "/services", "/services/service-0", "/alerts", "/rules", "/rules/new"]) {
    const bytes = await scriptBytes(page, platform.address + path);
    under(`JavaScript of ${path}, gzip`, bytes / 1_000, "kB", 120);
  }
} finally {
  await platform.close();
}
await measureDevLoop();

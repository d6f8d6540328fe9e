/** The list of services, and the page of one, in Chromium, on the whole platform. @module */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { isSound, looks, openPage, signIn } from "tests/support/dashboard.ts";
import { eventually } from "tests/support/process.ts";
import { history, type Platform, scriptBytes, startPlatform } from "tests/support/platform.ts";

/** The platform writes its log whenever it likes: reading that belongs to no test. */
const options = { sanitizeOps: false };
let platform: Platform;
Deno.test.beforeAll(async () => {
  platform = await startPlatform();
});
Deno.test.afterAll(() => platform.close());

const chart = (page: Page, title: string) => page.getByRole("region", { name: title, exact: true });

/** Waits until chart.js has taken over, and says what it painted. */
async function painted(page: Page, title: string): Promise<string> {
  const one = chart(page, title);
  await one.locator('[role="img"]:not(:has(svg)) canvas').waitFor();
  await page.evaluate(() => new Promise((next) => requestAnimationFrame(() => setTimeout(next))));
  return await one.locator("canvas").evaluate((canvas) =>
    (canvas as unknown as { toDataURL(): string }).toDataURL()
  );
}

/** Waits until a chart is another one: it follows what its head says by a frame or two. */
async function repainted(page: Page, title: string, before: string): Promise<void> {
  await eventually(() => painted(page, title), (now) => now !== before, 500);
}

for (const look of looks) {
  Deno.test(`services at ${look.width} px, ${look.scheme}`, options, async (t) => {
    const service = `shop-${look.width}-${look.scheme}`;
    const trace_id = crypto.randomUUID().replaceAll("-", "");
    await platform.metrics(...history(service));
    await platform.logs(
      { service_name: service, level: "info", message: "The shop is open" },
      { service_name: service, level: "error", message: "Till 3 is stuck", trace_id },
      { service_name: service, level: "debug", message: "A coin fell", trace_id },
    );
    const { page, complaints, shoot, close } = await openPage(platform.browser, look);
    await signIn(page, platform.address);
    const log = page.getByRole("log");

    await t.step("the list finds a service by a part of its name", async () => {
      await page.goto(`${platform.address}/services`);
      await page.getByText("Live", { exact: true }).first().waitFor();
      await page.getByLabel("Search services").fill(service.toUpperCase());
      await page.getByText(/^1( of \d+)? services?$/).waitFor();
      assert.match(page.url(), /q=SHOP/);
      await shoot("services");
      await isSound(page, complaints, look.width);
      await page.getByLabel("Search services").fill("nobody");
      await page.getByText("No service is called “nobody”").waitFor();
      await page.getByRole("button", { name: "Show all" }).click();
      await page.locator(`a[href="/services/${service}"]`).click();
      await page.waitForURL(`**/services/${service}`);
    });
    await t.step("every metric has its chart, with the limits of its rules", async () => {
      for (const title of ["CPU", "Memory", "Latency", "Error rate", "Request rate"]) {
        await chart(page, title).waitFor();
      }
      assert.match(await chart(page, "CPU").innerText(), /> 80%/);
      assert.match(await chart(page, "Latency").innerText(), /p50[\s\S]*p95/);
      await page.getByText("Live", { exact: true }).first().waitFor();
    });
    await t.step("a bad value moves the chart and shows the alert, without a reload", async () => {
      const before = await painted(page, "CPU");
      await page.evaluate(() => Object.assign(globalThis, { same: true }));
      const began = performance.now();
      await platform.metrics({
        service_name: service,
        metric_type: "cpu",
        value: 97,
        unit: "percent",
      });
      await chart(page, "CPU").getByText("97%").waitFor();
      await repainted(page, "CPU", before);
      const moved = performance.now() - began;
      await page.getByRole("link", { name: `High CPU: ${service}` }).waitFor();
      console.log(
        `    ${look.width} ${look.scheme}: chart after ${moved.toFixed(0)} ms, ` +
          `alert after ${(performance.now() - began).toFixed(0)} ms`,
      );
      assert.equal(await page.evaluate(() => "same" in globalThis), true);
      await shoot("service");
      await isSound(page, complaints, look.width);
    });
    await t.step("one cross-hair is over all charts, by pointer and by key", async () => {
      const time = /\d\d:\d\d:\d\d/;
      const one = chart(page, "Memory").getByRole("img");
      const before = await painted(page, "CPU");
      await one.hover({ position: { x: 150, y: 60 } });
      await page.waitForFunction(() =>
        [...document.querySelectorAll("section.card h3")].filter((h) =>
          /\d\d:\d\d:\d\d/.test(h.parentElement!.textContent!)
        ).length >= 5
      );
      await repainted(page, "CPU", before);
      await shoot("service_crosshair");
      await page.mouse.move(0, 0);
      await one.focus();
      await page.keyboard.press("ArrowLeft");
      await chart(page, "CPU").getByText(time).waitFor();
      await page.keyboard.press("Escape");
      await chart(page, "CPU").getByText(time).waitFor({ state: "detached" });
    });
    await t.step("paused, the page stands still; then it catches up", async () => {
      await page.getByRole("button", { name: "Pause" }).click();
      await platform.metrics({
        service_name: service,
        metric_type: "cpu",
        value: 33,
        unit: "percent",
      });
      await platform.logs({ service_name: service, level: "warn", message: "Closing soon" });
      await page.waitForTimeout(700);
      await chart(page, "CPU").getByText("97%").waitFor();
      assert.equal(await log.getByText("Closing soon").count(), 0);
      await page.getByRole("button", { name: "Resume" }).click();
      await chart(page, "CPU").getByText("33%").waitFor();
      await log.getByText("Closing soon").waitFor();
    });
    await t.step("the log is narrowed by level, word and trace", async () => {
      await log.getByText("The shop is open").waitFor();
      await page.getByLabel("Level").selectOption("error");
      await log.getByText("The shop is open").waitFor({ state: "detached" });
      await log.getByText("Till 3 is stuck").waitFor();
      await page.getByLabel("Level").selectOption("all");
      await page.getByLabel("Search the log").fill("COIN");
      await log.getByText("Till 3 is stuck").waitFor({ state: "detached" });
      await log.getByRole("button", { name: `Only lines of trace ${trace_id.slice(0, 8)}` })
        .click();
      await page.getByLabel("Search the log").fill("");
      await log.getByText("Till 3 is stuck").waitFor();
      assert.equal(await log.getByText("The shop is open").count(), 0);
      await page.getByRole("button", { name: "Show all traces" }).click();
      await log.getByText("The shop is open").waitFor();
    });
    await t.step("a range is in the address, and is what a reload shows", async () => {
      await page.getByRole("link", { name: "24 h" }).click();
      await page.locator('a[aria-current="true"]', { hasText: "24 h" }).waitFor();
      assert.match(page.url(), /range=24h/);
      await page.reload();
      await page.locator('a[aria-current="true"]', { hasText: "24 h" }).waitFor();
      await painted(page, "CPU");
      await shoot("service_day");
      await isSound(page, complaints, look.width);
    });
    await close();
  });
}

Deno.test("a service that does not exist is said to be missing", options, async () => {
  const { page, close } = await openPage(platform.browser, looks[2]!);
  await signIn(page, platform.address);
  await page.goto(`${platform.address}/services/nobody`);
  await page.getByText("There is nothing here").waitFor();
  await close();
});

Deno.test("the page of a service ships less than 120 kB of script", options, async () => {
  const { page, close } = await openPage(platform.browser, looks[2]!);
  await signIn(page, platform.address);
  const bytes = await scriptBytes(page, `${platform.address}/services/shop-1440-light`);
  console.log(`    ${(bytes / 1024).toFixed(1)} kB gzip`);
  assert(bytes > 0 && bytes < 120 * 1024, `${bytes} bytes`);
  await close();
});

Deno.test(
  "names, labels and log lines that are meant to break the page are only text",
  options,
  async () => {
    const evil = `<img src=x onerror="pwned=1">,"'\u202Egnp.exe / 🦊 ${"ab".repeat(80)}`;
    await platform.metrics(
      { service_name: evil, metric_type: "cpu", value: 91, unit: "percent" },
      {
        service_name: evil,
        metric_type: `<b>metric</b>\u202E${"y".repeat(150)}`,
        value: 1e18,
        unit: "<i>/s",
        labels: { path: "</script><script>pwned=1</script>", long: "z".repeat(1_000) },
      },
    );
    await platform.logs(
      {
        service_name: evil,
        level: "error",
        message: `<script>pwned=1</script>${"x".repeat(9_900)}`,
      },
      {
        service_name: evil,
        level: "info",
        message: "\u202Eمرحبا بالعالم 🦊",
        stack_trace: '</pre><img src=x onerror="pwned=1">',
        trace_id: "<b>t</b>",
      },
    );
    for (const look of looks) {
      const { page, complaints, shoot, close } = await openPage(platform.browser, look);
      await signIn(page, platform.address);
      await page.goto(`${platform.address}/services/${encodeURIComponent(evil)}?range=5m`);
      await painted(page, "CPU");
      const log = page.getByRole("log");
      await log.getByText(/مرحبا/).click();
      await log.getByText("</pre><img").waitFor();
      await log.getByText(/^<script>pwned/).first().click();
      await page.getByRole("link", { name: /^High CPU: <img src=x/ }).waitFor();
      await shoot("service_hostile");
      await isSound(page, complaints, look.width);
      assert.equal(await page.evaluate(() => "pwned" in globalThis), false);
      await close();
    }
  },
);

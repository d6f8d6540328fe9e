/** The whole platform stops under open pages, and starts again. @module */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { isSound, looks, openPage, signIn } from "tests/support/dashboard.ts";
import { alive } from "tests/support/dashboard_stage.ts";
import { history, type Platform, startPlatform } from "tests/support/platform.ts";
import { eventually } from "tests/support/process.ts";

/** One process ends and another one begins in the middle: they belong to the file, not to its test. */
const options = { sanitizeOps: false, sanitizeResources: false };
const desktop = looks[2]!;
let platform: Platform;
Deno.test.beforeAll(async () => {
  platform = await startPlatform();
});
Deno.test.afterAll(() => platform.close());

async function opened(path: string) {
  const one = await openPage(platform.browser, desktop);
  await signIn(one.page, platform.address);
  await one.page.goto(platform.address + path);
  await alive(one.page);
  await one.page.evaluate(() => Object.assign(globalThis, { same: true }));
  return one;
}

/** The seconds of an age such as `12s`. */
async function seconds(page: Page, inside: string): Promise<number> {
  const said = await page.locator(inside).locator("time").last().innerText();
  return said === "now" ? 0 : Number(/^(\d+)s$/.exec(said)?.[1]);
}

Deno.test(
  "pages tell that the platform is away, keep what they have, and catch up",
  options,
  async (t) => {
    await platform.metrics(...history("shop", 2));
    await platform.metrics({
      service_name: "shop",
      metric_type: "memory",
      value: 95,
      unit: "percent",
    });
    const card = 'li:has(a[href="/services/shop"])';
    const overview = await opened("/");
    const alerts = await opened("/alerts");
    const pages = [overview, alerts];
    const rows = alerts.page.locator("[data-row]");
    await overview.page.getByRole("link", { name: "High memory: shop" }).waitFor();
    await rows.getByText("High memory: shop").first().waitFor();

    await t.step("the badge and a banner say so", async () => {
      await platform.stop();
      for (const { page } of pages) {
        const status = page.getByRole("status");
        await status.getByText(/Reconnecting|Offline/).first().waitFor();
        await status.getByText("Offline", { exact: true }).waitFor();
      }
      await overview.page.getByRole("alert")
        .getByText(/The server cannot be reached. Last update: \d+s ago/).waitFor();
      await alerts.page.getByText("The live connection is lost: what you see may be old.")
        .waitFor();
      for (const { page, complaints, shoot } of pages) {
        // Each try to come back is told by the browser; nothing else is.
        assert.deepEqual(complaints.filter((text) => !/ERR_CONNECTION|WebSocket/.test(text)), []);
        await shoot(page === overview.page ? "offline_overview" : "offline_alerts");
        await isSound(page, [], desktop.width);
      }
    });
    await t.step("what was known stays, and grows older", async () => {
      assert.match(await overview.page.locator(card).innerText(), /Memory\s+95%/);
      const before = await seconds(overview.page, card);
      await eventually(() => seconds(overview.page, card), (age) => age > before);
      assert.equal(await rows.filter({ hasText: "High memory" }).count(), 1);
    });
    await t.step("nothing can be changed meanwhile, and that is said", async () => {
      await rows.getByRole("button", { name: "Acknowledge High memory: shop" }).click();
      await alerts.page.getByText(/1 alert was not acknowledged\. The server does not answer/)
        .last()
        .waitFor();
    });
    await t.step(
      "it is back: both come to themselves, with the alert that one missed",
      async () => {
        // So that the alert is there before this page can hear of it.
        await alerts.page.context().setOffline(true);
        await platform.restart();
        await platform.metrics({
          service_name: "shop",
          metric_type: "cpu",
          value: 99,
          unit: "percent",
        });
        await eventually(
          () => platform.api.request("GET", "/api/alerts?q=High%20CPU"),
          ({ body }) => body.meta?.total === 1,
        );
        await alerts.page.context().setOffline(false);
        for (const { page } of pages) {
          // Tries are up to half a minute apart by then.
          await page.getByRole("status").getByText("Live", { exact: true }).waitFor({
            timeout: 60_000,
          });
          await page.getByRole("link", { name: "High CPU: shop" }).first().waitFor();
          assert.equal(
            await page.evaluate(() => "same" in globalThis),
            true,
            "no reload was needed",
          );
        }
        assert.equal(await overview.page.getByRole("alert").count(), 0);
        assert.equal(await alerts.page.getByText("The live connection is lost").count(), 0);
        await overview.page.locator(card).getByText("99%").waitFor();
      },
    );
    await t.step("and it can be worked with again", async () => {
      await rows.filter({ hasText: "High CPU" }).getByRole("button", { name: /^Acknowledge/ })
        .click();
      await rows.filter({ hasText: "High CPU" }).getByText("ana").waitFor();
    });
    for (const { close } of pages) await close();
  },
);

/** The overview in Chromium, on the whole platform. @module */
import assert from "node:assert/strict";
import { feltOn, isSound, looks, openPage, signIn, watchFelt } from "tests/support/dashboard.ts";
import { history, type Platform, scriptBytes, startPlatform } from "tests/support/platform.ts";

/** The platform writes its log whenever it likes: reading that belongs to no test. */
const options = { sanitizeOps: false };
let platform: Platform;
Deno.test.beforeAll(async () => {
  platform = await startPlatform();
});
Deno.test.afterAll(() => platform.close());

Deno.test("a platform that nobody sends anything to says what to do", options, async () => {
  for (const look of looks) {
    const { page, complaints, shoot, close } = await openPage(platform.browser, look);
    await signIn(page, platform.address);
    await page.getByText("No service has sent anything yet").waitFor();
    await page.getByText("No alert in the last 24 hours").waitFor();
    await shoot("overview_empty");
    await isSound(page, complaints, look.width);
    await close();
  }
});

for (const look of looks) {
  Deno.test(`the overview at ${look.width} px, ${look.scheme}`, options, async (t) => {
    const service = `shop-${look.width}-${look.scheme}`;
    await platform.metrics(...history(service));
    const { page, complaints, shoot, close } = await openPage(platform.browser, look);
    await watchFelt(page);
    await signIn(page, platform.address);
    let before = 0;
    const card = page.getByRole("listitem").filter({
      has: page.locator(`a[href="/services/${service}"]`),
    });
    await t.step("a service is a card with its vital signs and how old they are", async () => {
      await page.getByText("Live", { exact: true }).first().waitFor();
      const said = await card.innerText();
      assert.match(said, /Healthy/);
      assert.match(said, /CPU\s+3\d\.\d%|CPU\s+4\d(\.\d)?%/);
      assert.match(said, /Requests\s+1\d\d\/s/);
      assert.match(said, /now|\ds/);
      assert.equal(await card.locator("svg path").count() > 1, true, "a line");
    });
    await t.step("a bad value is there, with its alert, without a reload", async () => {
      await page.evaluate(() => Object.assign(globalThis, { same: true }));
      before = (await feltOn(page)).shifted;
      const began = performance.now();
      await platform.metrics({
        service_name: service,
        metric_type: "cpu",
        value: 97,
        unit: "percent",
      });
      await card.getByText("97%").waitFor();
      const moved = performance.now() - began;
      await page.getByRole("link", { name: `High CPU: ${service}` }).waitFor();
      const told = performance.now() - began;
      await card.getByText(/Warning|Critical/).waitFor();
      console.log(
        `    ${look.width} ${look.scheme}: value after ${moved.toFixed(0)} ms, ` +
          `alert after ${told.toFixed(0)} ms`,
      );
      assert(told < 3_000, `${told} ms`);
      assert.equal(await page.evaluate(() => "same" in globalThis), true);
    });
    await t.step("nothing else moved, but for the first alert's place in the list", async () => {
      const far = (await feltOn(page)).shifted - before;
      assert(far < 0.05, `moved by ${far}`);
    });
    await t.step("the page is sound", async () => {
      await page.getByRole("img", { name: new RegExp(`^${service}: \\d alert`) }).waitFor();
      await shoot("overview");
      await isSound(page, complaints, look.width);
    });
    await t.step("the keyboard leads from a card to its service", async () => {
      await page.locator(`h3 a[href="/services/${service}"]`).focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(`**/services/${service}`);
    });
    await close();
  });
}

Deno.test("the first paint has the data in it, without any script", options, async () => {
  const context = await platform.browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await signIn(page, platform.address);
  const card = page.getByRole("listitem").filter({
    has: page.locator('a[href="/services/shop-1440-light"]'),
  });
  assert.match(await card.innerText(), /97%/);
  assert.match(await page.getByRole("region", { name: "Recent alerts" }).innerText(), /High CPU/);
  assert.match(
    await page.getByRole("region", { name: "Pipeline" }).innerText(),
    /analyzer\.metrics/,
  );
  await context.close();
});

Deno.test("the overview ships less than 120 kB of script", options, async () => {
  const { page, close } = await openPage(platform.browser, looks[2]!);
  await signIn(page, platform.address);
  const bytes = await scriptBytes(page, platform.address);
  console.log(`    ${(bytes / 1024).toFixed(1)} kB gzip`);
  assert(bytes > 0 && bytes < 120 * 1024, `${bytes} bytes`);
  await close();
});

Deno.test("names that are meant to break the page are only text", options, async () => {
  const evil = `<img src=x onerror="pwned=1">,"'\u202Egnp.exe 🦊 ${"ab".repeat(80)}`;
  await platform.metrics(
    { service_name: evil, metric_type: "cpu", value: 91, unit: "<b>" },
    { service_name: "</script><script>pwned=1</script>", metric_type: "cpu", value: 2, unit: "" },
  );
  for (const look of looks) {
    const { page, complaints, shoot, close } = await openPage(platform.browser, look);
    await signIn(page, platform.address);
    await page.getByRole("link", { name: /^High CPU: <img src=x onerror/ }).waitFor();
    await shoot("overview_hostile");
    await isSound(page, complaints, look.width);
    await page.goto(`${platform.address}/services?q=${encodeURIComponent("<img src=x")}`);
    await page.getByText(/^1 of \d+ services$/).waitFor();
    await shoot("services_hostile");
    await isSound(page, complaints, look.width);
    assert.equal(await page.evaluate(() => "pwned" in globalThis), false);
    await close();
  }
});

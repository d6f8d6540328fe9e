/** Alerts in Chromium: the list, one of them, the keyboard, and what others may write. @module */
import assert from "node:assert/strict";
import { hostile, makeAlert } from "tests/support/alerts_backend.ts";
import { looks } from "tests/support/dashboard.ts";
import { alertsStage, alive } from "tests/support/dashboard_stage.ts";

const desktop = looks[2]!;

for (const look of looks) {
  Deno.test(`alerts at ${look.width} px, ${look.scheme}`, async (t) => {
    const { backend, open, address, close } = await alertsStage();
    for (let n = 0; n < 12; n++) backend.alerts.set(`alert-${n}`, makeAlert(n));
    const { page, sound } = await open(look, "ana", "/alerts");
    const rows = page.locator("[data-row]");

    await t.step("the list, what fires first", async () => {
      assert.equal(await rows.count(), 12);
      assert.match(await rows.first().innerText(), /Critical[^]*High CPU 0/);
      assert.match(await rows.last().innerText(), /Resolved/);
      await sound("alerts");
    });
    await t.step(
      "a new alert comes in without a reload, and one that is over says so",
      async () => {
        await page.evaluate(() => Object.assign(globalThis, { same: true }));
        const { explanation: _, timeline: _t, ...fresh } = makeAlert(-1, {
          id: "new",
          severity: "critical",
          starts_at: new Date().toISOString(),
        });
        backend.tell("alert", fresh);
        await rows.first().getByText("High CPU -1").waitFor();
        assert.match(await page.getByText(/of 13$/).innerText(), /1–13 of 13/);
        backend.tell("alert", {
          ...fresh,
          status: "resolved",
          timestamp: new Date().toISOString(),
        });
        await rows.first().getByText("Resolved").filter({ visible: true }).waitFor();
        assert.equal(await page.evaluate(() => "same" in globalThis), true);
      },
    );
    await t.step("one is acknowledged in its row", async () => {
      await rows.filter({ hasText: "High CPU 1" }).first()
        .getByRole("button", { name: "Acknowledge High CPU 1", exact: true }).click();
      await rows.filter({ hasText: "High CPU 1" }).first().getByText("ana").waitFor();
      assert.equal(backend.alerts.get("alert-1")!.acknowledged_by, "ana");
    });
    await t.step("several are acknowledged together; one that is refused is told", async () => {
      backend.refusing.add("alert-4");
      for (const n of [2, 4, 5]) {
        await page.getByRole("checkbox", { name: `Select High CPU ${n}`, exact: true }).check();
      }
      await page.getByText("3 selected").waitFor();
      await sound("alerts_selected");
      await page.getByRole("group", { name: "Selection" })
        .getByRole("button", { name: "Acknowledge" }).click();
      await page.getByText(/1 alert was not acknowledged/).first().waitFor();
      assert.deepEqual(
        [2, 4, 5].map((n) => backend.alerts.get(`alert-${n}`)!.acknowledged),
        [true, false, true],
      );
    });
    await t.step("filters live in the address", async () => {
      await page.goto(`${address}/alerts?severity=warning&status=firing`);
      assert.equal(await rows.count(), 3);
      if (look.width === 360) await page.locator("label:has(#filters-open)").click();
      assert.equal(await page.getByLabel("Severity").inputValue(), "warning");
      await page.getByLabel("Severity").selectOption("critical");
      await page.waitForURL(/severity=critical/);
      assert.match(page.url(), /status=firing/);
      await page.goto(`${address}/alerts?q=nothing`);
      await page.getByText("No alert matches").waitFor();
    });
    await t.step("one alert: drawn, told, acknowledged with a note", async () => {
      await page.goto(`${address}/alerts/alert-8`);
      await page.getByRole("img", { name: /The window of cpu/ }).waitFor();
      await page.getByText("Will be tried again").waitFor();
      await page.getByLabel("Note").fill("Looking into it \u202e<b>");
      await page.getByRole("button", { name: "Acknowledge" }).click();
      await page.locator("blockquote").waitFor();
      assert.equal(await page.locator("blockquote").innerText(), "Looking into it \u202e<b>");
      await page.getByText("by ana").first().waitFor();
    });
    await close();
  });
}

Deno.test("one alert, an alert from outside and no alert are sound in every look", async () => {
  const { backend, open, address, close } = await alertsStage();
  backend.alerts.set("alert-0", makeAlert(0));
  const { explanation: _, ...outside } = makeAlert(1, { id: "outside" });
  backend.alerts.set("outside", outside);
  for (const look of looks) {
    const opened = await open(look, "ana", "/alerts/alert-0");
    await opened.sound("alert");
    await opened.page.goto(`${address}/alerts/outside`);
    await opened.page.getByText("It came from outside").waitFor();
    await opened.sound("alert_outside");
    await opened.page.goto(`${address}/alerts?q=nothing`);
    await opened.sound("alerts_none");
    await opened.close();
  }
  await close();
});

Deno.test("the keyboard: search, rows, select, acknowledge, open, help", async () => {
  const { backend, open, address, close } = await alertsStage();
  for (let n = 0; n < 6; n++) backend.alerts.set(`alert-${n}`, makeAlert(n));
  const { page, sound } = await open(desktop, "ana", "/alerts");
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  await page.keyboard.press("a");
  assert(![...backend.alerts.values()].some(({ acknowledged }) => acknowledged), "no row in hand");
  await page.keyboard.press("j");
  assert.equal(await focused(), "High CPU 0");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  assert.equal(await focused(), "High CPU 1");
  await sound("alerts_focus");
  await page.keyboard.press("x");
  await page.getByText("1 selected").waitFor();
  await page.locator("[data-row]").nth(1).locator("[data-open]").focus();
  await page.keyboard.press("a");
  await page.locator("[data-row]").nth(1).getByText("ana").waitFor();
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keyboard" }).waitFor();
  await sound("keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("jax?");
  assert.equal(await page.getByRole("searchbox").inputValue(), "jax?");
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${address}/alerts/alert-0`);
  await close();
});

Deno.test("a viewer is offered nothing that they may not do", async () => {
  const { backend, open, address, close } = await alertsStage();
  backend.alerts.set("alert-0", makeAlert(0));
  const { page } = await open(desktop, "viewer", "/alerts").catch(async () => {
    throw new Error("The viewer could not sign in");
  });
  assert.equal(await page.getByRole("button", { name: /Acknowledge/ }).count(), 0);
  assert.equal(await page.getByRole("checkbox", { name: /Select/ }).count(), 0);
  await page.goto(`${address}/alerts/alert-0`);
  await page.getByText("Operators and administrators can acknowledge.").waitFor();
  assert.equal(await page.getByLabel("Note").count(), 0);
  await close();
});

Deno.test("without scripts alerts are filtered and acknowledged all the same", async () => {
  const { backend, address, open, close } = await alertsStage();
  for (let n = 0; n < 3; n++) backend.alerts.set(`alert-${n}`, makeAlert(n));
  const signedIn = await open(desktop, "ana", "/alerts");
  const context = await signedIn.page.context().browser()!.newContext({
    javaScriptEnabled: false,
    storageState: await signedIn.page.context().storageState(),
  });
  const page = await context.newPage();
  await page.goto(`${address}/alerts`);
  await page.getByRole("checkbox", { name: "Select High CPU 2" }).check();
  await page.getByRole("group", { name: "Selection" }).getByRole("button").last().click();
  assert.equal(backend.alerts.get("alert-2")!.acknowledged, true);
  assert.equal(backend.alerts.get("alert-1")!.acknowledged, false);
  await page.getByLabel("Severity").selectOption("info");
  await page.getByLabel("From").fill("2026-11-22T10:00");
  await page.getByRole("button", { name: "Apply" }).click();
  assert.match(page.url(), /severity=info/);
  assert.equal(await page.locator("[data-row]").count(), 1);
  assert.equal(await page.getByLabel("From").inputValue(), "2026-11-22T10:00");
  await page.goto(`${address}/alerts/alert-0`);
  await page.getByLabel("Note").fill("by hand");
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByText("by hand").waitFor();
  await close();
});

Deno.test("times are the reader's, with UTC on hover, and nothing moves when they change", async () => {
  const { backend, address, open, close } = await alertsStage();
  backend.alerts.set("alert-0", makeAlert(0));
  const signedIn = await open(desktop, "ana", "/alerts");
  const context = await signedIn.page.context().browser()!.newContext({
    timezoneId: "Asia/Kolkata",
    storageState: await signedIn.page.context().storageState(),
  });
  const page = await context.newPage();
  await page.goto(`${address}/alerts/alert-0`);
  const time = page.locator("dl time").first();
  await time.getByText("22 Nov, 17:30:00 GMT+5:30").waitFor();
  assert.equal(await time.getAttribute("title"), "2026-11-22 12:00:00.000 UTC");
  const shift = await page.evaluate(() =>
    new Promise<number>((resolve) => {
      let sum = 0;
      new PerformanceObserver((list) => {
        // deno-lint-ignore no-explicit-any -- not in the library's types
        for (const entry of list.getEntries() as any[]) sum += entry.value;
      }).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(sum), 300);
    })
  );
  assert(shift < 0.01, `layout shift ${shift}`);
  await close();
});

Deno.test("hostile texts are shown as what they are, at any width", async () => {
  const { backend, open, address, close } = await alertsStage();
  backend.services = [hostile.slice(0, 200)];
  for (let n = 0; n < 3; n++) {
    const id = `alert-${n}`;
    const texts = { title: hostile, description: hostile, message: hostile };
    const alert = makeAlert(n, {
      ...texts,
      service_name: hostile.slice(0, 200),
      type: "\u202e<i>",
    });
    backend.alerts.set(id, {
      ...alert,
      type: n === 1 ? "error_burst" : alert.type,
      labels: { [hostile.slice(0, 60)]: hostile, env: "\u202e\u2066" },
      annotations: { summary: hostile },
      explanation: {
        ...alert.explanation!,
        reason: hostile,
        log_lines: [{ timestamp: alert.starts_at, level: "error", message: hostile }],
      },
      acknowledged: n === 2,
      acknowledged_by: hostile.slice(0, 100),
    });
  }
  for (const look of looks) {
    const { page, sound, close: closePage } = await open(look, "ana", "/alerts");
    assert.equal(await page.locator("[data-row] img, [data-row] script").count(), 0);
    const tall = await page.locator("[data-row]").first().boundingBox();
    assert(tall!.height < 140, `a row is ${tall!.height} px tall`);
    await sound("alerts_hostile");
    for (const n of [1, 2]) {
      await page.goto(`${address}/alerts/alert-${n}`);
      await page.getByRole("heading", { name: "Why it fired" }).waitFor();
      await sound(`alert_hostile_${n}`);
      assert.equal(await page.evaluate(() => "pwned" in globalThis), false);
    }
    await closePage();
  }
  await close();
});

Deno.test("10,000 alerts of 200 services stay usable", async () => {
  const { backend, open, address, close } = await alertsStage();
  for (let n = 0; n < 10_000; n++) backend.alerts.set(`alert-${n}`, makeAlert(n));
  backend.services = Array.from({ length: 200 }, (_, i) => `service-${i}`);
  const { page, sound } = await open(desktop, "ana", "/alerts");
  await page.getByText("1–50 of 10,000").waitFor();
  const started = performance.now();
  await page.goto(`${address}/alerts?page=200`);
  await page.getByText("9,951–10,000 of 10,000").waitFor();
  const paged_ms = performance.now() - started;
  const size = (await (await page.request.get(`${address}/alerts`)).body()).byteLength;
  assert.equal(await page.getByLabel("Service").locator("option").count(), 201);
  await page.goto(`${address}/alerts`);
  await alive(page);
  // A storm: a thousand new ones at once.
  const from = performance.now();
  for (let n = 1; n <= 1_000; n++) {
    const { explanation: _, timeline: _t, ...alert } = makeAlert(-n, { severity: "critical" });
    backend.tell("alert", alert);
  }
  await page.locator("[data-row]").first().getByText("High CPU -1000").waitFor();
  const storm_ms = performance.now() - from;
  assert.equal(await page.locator("[data-row]").count(), 50);
  console.log(
    `page 200 in ${paged_ms.toFixed(0)} ms, 1,000 new alerts shown in ${storm_ms.toFixed(0)} ms, ${
      (size / 1024).toFixed(0)
    } kB of HTML`,
  );
  assert(paged_ms < 3_000 && storm_ms < 5_000);
  await sound("alerts_10000");
  await close();
});

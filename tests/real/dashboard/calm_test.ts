/** Lists stand still under somebody who reads, and the focus stays where the work is. @module */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { makeAlert } from "tests/support/alerts_backend.ts";
import { looks } from "tests/support/dashboard.ts";
import { alertsStage, alive } from "tests/support/dashboard_stage.ts";

const desktop = looks[2]!;

/** An alert that begins now, as a live message has it. */
function news(n: number, more: Parameters<typeof makeAlert>[1] = {}) {
  const at = new Date().toISOString();
  const { explanation: _, timeline: _t, ...alert } = makeAlert(n, {
    id: `new-${n}`,
    title: `New ${n}`,
    severity: "critical",
    status: "firing",
    starts_at: at,
    timestamp: at,
    ...more,
  });
  return alert;
}

/** Somebody takes the mouse. */
async function touch(page: Page): Promise<void> {
  await page.mouse.move(700, 400);
  await page.mouse.move(710, 410);
}

const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent);

Deno.test("new alerts wait beside a list that somebody reads, and come when they are asked for", async (t) => {
  const { backend, open, address, close } = await alertsStage();
  for (let n = 0; n < 12; n++) backend.alerts.set(`alert-${n}`, makeAlert(n));
  const { page, sound } = await open(desktop, "ana", "/alerts");
  const rows = page.locator("[data-row]");
  await t.step("nothing moves", async () => {
    await touch(page);
    const first = await rows.first().boundingBox();
    backend.tell("alert", news(100));
    backend.tell("alert", news(101));
    await page.getByText("2 new alerts").waitFor();
    assert.match(await rows.first().innerText(), /High CPU 0/);
    assert.deepEqual(await rows.first().boundingBox(), first);
    await sound("alerts_waiting");
  });
  await t.step("known ones change where they are", async () => {
    backend.tell("alert", {
      ...makeAlert(0),
      status: "resolved",
      timestamp: new Date().toISOString(),
    });
    await rows.first().getByText("Resolved").filter({ visible: true }).waitFor();
    await page.getByText("2 new alerts").waitFor();
  });
  await t.step("a key brings them, and they have the focus", async () => {
    await page.keyboard.press("n");
    await rows.nth(13).waitFor();
    assert.match(await focused(page) ?? "", /^New 10[01]$/);
    await page.getByText("14 alerts").waitFor();
    assert.equal(await page.getByText("new alert").count(), 0);
  });
  await t.step("what is over before it was shown is no news to a list of what fires", async () => {
    await page.goto(`${address}/alerts?status=firing`);
    await alive(page);
    await touch(page);
    backend.tell("alert", news(200));
    await page.getByText("1 new alert").waitFor();
    backend.tell("alert", news(200, { status: "resolved" }));
    await page.getByText("1 new alert").waitFor({ state: "detached" });
  });
  await t.step("an empty list never keeps one back", async () => {
    await page.goto(`${address}/alerts?q=New+300`);
    await alive(page);
    await page.getByText("No alert matches").waitFor();
    await touch(page);
    backend.tell("alert", news(300));
    await rows.filter({ hasText: "New 300" }).waitFor();
  });
  await close();
});

Deno.test("the focus stays where the work is", async (t) => {
  const { backend, open, address, close } = await alertsStage();
  for (let n = 0; n < 4; n++) backend.alerts.set(`alert-${n}`, makeAlert(n));
  for (const name of ["one", "two", "three"]) {
    backend.addRule({ name, metric_type: "cpu", threshold: 1, window_size: 60 } as never);
  }
  const { page } = await open(desktop, "admin", "/alerts");
  await t.step("acknowledged in its row: the row", async () => {
    await page.getByRole("button", { name: "Acknowledge High CPU 1", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.locator("[data-row]").nth(1).getByText("admin").waitFor();
    assert.equal(await focused(page), "High CPU 1");
  });
  await t.step("acknowledged on its page: who did", async () => {
    await page.goto(`${address}/alerts/alert-2`);
    await alive(page);
    await page.getByLabel("Note").fill("mine");
    await page.keyboard.press("Enter");
    await page.locator("blockquote").waitFor();
    assert.match(await focused(page) ?? "", /^Acknowledged by admin/);
  });
  await t.step("deleted: the next rule", async () => {
    await page.goto(`${address}/rules`);
    await alive(page);
    const rows = page.locator("[data-row]");
    const [first, second] = await rows.locator("[data-open]").allInnerTexts();
    await page.getByRole("button", { name: `Delete ${first}` }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await rows.filter({ hasText: first! }).waitFor({ state: "detached" });
    assert.equal(await focused(page), second);
  });
  await t.step("back from an alert: the list with its filters", async () => {
    await page.goto(`${address}/alerts?status=firing&severity=critical`);
    await page.locator("[data-open]").first().click();
    await page.waitForURL(/alerts\/alert-0/);
    await page.locator("main").getByRole("link", { name: "Alerts" }).click();
    await page.waitForURL(`${address}/alerts?status=firing&severity=critical`);
  });
  await close();
});

/** Rules in Chromium: the list, the form, a conflict, and the line that can be dragged. @module */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { type AlertsBackend, hostile } from "tests/support/alerts_backend.ts";
import { looks, openPage, signIn } from "tests/support/dashboard.ts";
import { alertsStage, alive } from "tests/support/dashboard_stage.ts";
import { startPlatform } from "tests/support/platform.ts";

const desktop = looks[2]!;

function seed(backend: AlertsBackend) {
  backend.addRule({ name: "High CPU", metric_type: "cpu", threshold: 80 });
  backend.addRule({ name: "Off its average", type: "moving_average", metric_type: "cpu" });
  backend.addRule({ name: "Error burst", type: "error_burst", severity: "critical" });
}

const threshold = (page: Page) => page.getByRole("textbox", { name: "Threshold", exact: true });

for (const look of looks) {
  Deno.test(`rules at ${look.width} px, ${look.scheme}`, async (t) => {
    const { backend, open, address, close } = await alertsStage();
    seed(backend);
    const { page, sound, complaints } = await open(look, "admin", "/rules");
    const row = (name: string) => page.locator("[data-row]", { hasText: name });

    await t.step("the list, and a switch", async () => {
      assert.equal(await page.locator("[data-row]").count(), 3);
      await page.getByText("cpu > 80").waitFor();
      await sound("rules");
      await page.getByRole("switch", { name: "High CPU: enabled" }).click();
      await page.getByText("High CPU is off").waitFor({ state: "attached" });
      assert.equal(backend.rules.get("rule-1")!.enabled, false);
    });
    await t.step("a switch on a rule that somebody else changed shows theirs", async () => {
      backend.changeRule("rule-3", { name: "Error burst, theirs" });
      await page.getByRole("switch", { name: "Error burst: enabled" }).click();
      await page.getByText(/Somebody else changed Error burst/).last().waitFor();
      await row("Error burst, theirs").waitFor();
      assert.equal(backend.rules.get("rule-3")!.enabled, true);
      complaints.splice(0);
    });
    await t.step("what is wrong is said at its field as one types", async () => {
      await page.goto(`${address}/rules/new`);
      await alive(page);
      await page.getByLabel("Name").fill("Hot");
      await page.getByRole("combobox", { name: "Metric" }).fill("cpu");
      await threshold(page).fill("80x");
      await page.getByText("This is not a number").waitFor();
      await threshold(page).fill("");
      await page.getByText("A threshold rule needs a threshold").waitFor();
      assert.equal(await threshold(page).getAttribute("aria-invalid"), "true");
      await sound("rule_wrong");
      await page.getByRole("button", { name: "Create rule" }).click();
      await page.getByText("1 field needs you").waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.id), "field-threshold");
      complaints.splice(0);
      await threshold(page).fill("60");
      await page.getByText("A threshold rule needs a threshold").waitFor({ state: "detached" });
    });
    await t.step("the line of the preview follows the keys, and the field the line", async () => {
      const line = page.getByRole("slider", { name: "Threshold" });
      await line.focus();
      await page.keyboard.press("ArrowUp");
      assert.equal(await threshold(page).inputValue(), "60.5");
      await page.keyboard.press("Shift+ArrowDown");
      assert.equal(await threshold(page).inputValue(), "55.5");
      await page.getByText(/of 60 points would have been beyond it/).waitFor();
      await sound("rule_preview");
    });
    await t.step("it is created, and found where it is", async () => {
      await page.getByRole("button", { name: "Create rule" }).click();
      await page.waitForURL(`${address}/rules/rule-4`);
      await alive(page);
      assert.equal(backend.rules.get("rule-4")!.threshold, 55.5);
      assert.equal(backend.rules.get("rule-4")!.created_by, "admin");
      await sound("rule");
    });
    await t.step("somebody else saved: it is shown, and settled", async () => {
      backend.changeRule("rule-4", { threshold: 70, description: "theirs" });
      await threshold(page).fill("90");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Somebody else saved this rule meanwhile").waitFor();
      const conflict = page.getByRole("table");
      assert.match(await conflict.innerText(), /Threshold\s+90\s+70/);
      complaints.splice(0);
      await sound("rule_conflict");
      await page.getByRole("button", { name: "Take this: Description" }).click();
      await page.getByRole("button", { name: "Overwrite with mine" }).click();
      await page.getByText("Saved", { exact: true }).waitFor();
      const { threshold: mine, description, version } = backend.rules.get("rule-4")!;
      assert.deepEqual([mine, description, version], [90, "theirs", 3]);

      backend.changeRule("rule-4", { threshold: 75 });
      await threshold(page).fill("99");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("button", { name: "Take theirs", exact: true }).click();
      assert.equal(await threshold(page).inputValue(), "75");
      complaints.splice(0);
    });
    await t.step("it is duplicated", async () => {
      await page.goto(`${address}/rules`);
      await alive(page);
      await page.getByRole("link", { name: "Duplicate Hot" }).click();
      await page.waitForURL(/rules\/new\?from=rule-4/);
      await alive(page);
      assert.equal(await page.getByLabel("Name").inputValue(), "Hot (copy)");
      assert.equal(await threshold(page).inputValue(), "75");
    });
    await t.step("it is deleted, but only when that is meant", async () => {
      await page.goto(`${address}/rules`);
      await alive(page);
      await page.getByRole("button", { name: "Delete Hot" }).click();
      await page.getByRole("heading", { name: "Delete this rule?" }).waitFor();
      await sound("rule_delete");
      await page.keyboard.press("Escape");
      assert(backend.rules.has("rule-4"));
      await page.getByRole("button", { name: "Delete Hot" }).click();
      await page.getByRole("button", { name: "Delete", exact: true }).click();
      await row("Hot").waitFor({ state: "detached" });
      assert(!backend.rules.has("rule-4"));
      assert.deepEqual(complaints, []);
    });
    await close();
  });
}

Deno.test("the list follows what others change, with the focus and a question left alone", async (t) => {
  const { backend, open, close } = await alertsStage();
  seed(backend);
  const { page } = await open(desktop, "admin", "/rules");
  const row = (name: string) => page.locator("[data-row]", { hasText: name });
  const tell = () => backend.tell("status", { changed: "rules" });
  await page.evaluate(() => Object.assign(globalThis, { same: true }));

  await t.step("a changed rule that moves keeps the focus", async () => {
    await page.getByRole("switch", { name: "High CPU: enabled" }).focus();
    backend.changeRule("rule-1", { name: "Very high CPU", threshold: 91 });
    const changed = backend.rules.get("rule-1")!;
    backend.rules.delete("rule-1");
    backend.rules.set("rule-1", changed);
    tell();
    await page.getByText("cpu > 91").waitFor();
    assert.match(await page.locator("[data-row]").last().innerText(), /Very high CPU/);
    const label = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    assert.equal(label, "Very high CPU: enabled");
  });
  await t.step("rules come and go behind an open question", async () => {
    await page.getByRole("button", { name: "Delete Off its average" }).click();
    backend.addRule({ name: "Brand new", metric_type: "cpu", threshold: 1 });
    backend.rules.delete("rule-2");
    tell();
    await row("Brand new").waitFor();
    await row("Off its average").waitFor({ state: "detached" });
    const question = page.getByRole("dialog", { name: "Delete this rule?" });
    assert.match(await question.innerText(), /Off its average/);
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Keep it");
    await question.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("Somebody else deleted Off its average meanwhile").last().waitFor();
  });
  await t.step("what was changed while the connection was lost", async () => {
    backend.changeRule("rule-3", { name: "Changed meanwhile" });
    for (const socket of backend.sockets) socket.close();
    await row("Changed meanwhile").waitFor();
    assert.equal(await page.evaluate(() => "same" in globalThis), true, "no reload was needed");
  });
  await close();
});

Deno.test("a rule that is switched in one session is switched in the other", async () => {
  const platform = await startPlatform();
  const [mine, theirs] = [
    await openPage(platform.browser, desktop),
    await openPage(platform.browser, desktop),
  ];
  for (const { page } of [mine, theirs]) {
    await signIn(page, platform.address, "admin", "admin");
    await page.goto(`${platform.address}/rules`);
    await alive(page);
  }
  const first = (page: Page) => page.getByRole("switch").first();
  assert(await first(mine.page).isChecked());
  await first(theirs.page).click();
  await mine.page.locator('[role="switch"]:not(:checked)').waitFor();
  assert.equal(await first(mine.page).isChecked(), false);
  await platform.close();
});

Deno.test("the line of the preview can be dragged", async () => {
  const { backend, open, close } = await alertsStage();
  seed(backend);
  const { page } = await open(desktop, "admin", "/rules/rule-1");
  const line = page.getByRole("slider", { name: "Threshold" });
  const box = (await line.boundingBox())!;
  await page.mouse.move(box.x + 100, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 100, box.y + box.height / 2 + 40, { steps: 5 });
  await page.mouse.up();
  const after = Number(await threshold(page).inputValue());
  assert(after < 75 && after > 40, `the threshold is ${after}`);
  await page.getByText("Not saved yet").waitFor();
  await page.getByRole("button", { name: "Discard changes" }).click();
  assert.equal(await threshold(page).inputValue(), "80");
  await close();
});

Deno.test("only administrators are offered changes", async () => {
  const { backend, open, address, close } = await alertsStage();
  seed(backend);
  for (const username of ["ana", "viewer"]) {
    const { page, sound, complaints } = await open(desktop, username, "/rules");
    assert.equal(await page.getByRole("switch").count(), 0);
    assert.equal(await page.getByRole("button", { name: /Delete/ }).count(), 0);
    assert.equal(await page.getByRole("link", { name: /New rule|Duplicate/ }).count(), 0);
    await page.goto(`${address}/rules/rule-1`);
    await page.getByText("Only administrators can change rules.").waitFor();
    assert(await page.getByLabel("Name").isDisabled());
    assert.equal(await page.getByRole("button", { name: "Save" }).count(), 0);
    await sound(`rule_${username}`);
    const { status } = { status: (await page.goto(`${address}/rules/new`))!.status() };
    assert.equal(status, 403);
    complaints.splice(0);
  }
  await close();
});

Deno.test("a rule that somebody else deleted can be saved as a new one", async () => {
  const { backend, open, address, close } = await alertsStage();
  seed(backend);
  const { page } = await open(desktop, "admin", "/rules/rule-1");
  backend.rules.delete("rule-1");
  await threshold(page).fill("85");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Save as a new rule" }).click();
  await page.waitForURL(`${address}/rules/rule-4`);
  assert.equal(backend.rules.get("rule-4")!.threshold, 85);
  await close();
});

Deno.test("hostile names and descriptions of rules are shown as what they are", async () => {
  const { backend, open, address, close } = await alertsStage();
  const name = hostile.slice(0, 200);
  const description = hostile.slice(0, 10_000);
  backend.addRule({ name, description, service_name: name, metric_type: name, threshold: 1 });
  for (const look of looks) {
    const { page, sound, close: closePage } = await open(look, "admin", "/rules");
    assert.equal(await page.locator("[data-row] img, [data-row] script").count(), 0);
    await sound("rules_hostile");
    await page.goto(`${address}/rules/rule-1`);
    await alive(page);
    assert.equal(await page.getByLabel("Name").inputValue(), name.trim());
    await page.getByText("No sample of this metric").or(page.getByText(/points would/)).waitFor();
    await sound("rule_hostile");
    assert.equal(await page.evaluate(() => "pwned" in globalThis), false);
    await closePage();
  }
  await close();
});

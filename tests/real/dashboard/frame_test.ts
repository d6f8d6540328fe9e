/** The frame of every page, the login and the errors, in Chromium. @module */
import assert from "node:assert/strict";
import { openBrowser } from "tests/support/browser.ts";
import {
  buildDashboard,
  looks,
  openPage,
  type RunningDashboard,
  signIn,
  startDashboard,
  violations,
} from "tests/support/dashboard.ts";
import { FakeBackend } from "tests/support/fake_backend.ts";

/** A browser, a dashboard and a backend. */
async function stage() {
  await buildDashboard();
  const backend = new FakeBackend();
  const address = backend.listen();
  const running = await startDashboard(() => address);
  const browser = await openBrowser();
  return {
    backend,
    browser,
    address: running.address,
    running,
    async close(dashboard: RunningDashboard = running) {
      await browser.close();
      await dashboard.close();
      await backend.close();
    },
  };
}

for (const look of looks) {
  Deno.test(`login, frame and errors at ${look.width} px, ${look.scheme}`, async (t) => {
    const { browser, backend, address, close } = await stage();
    const { page, complaints, shoot, close: closePage } = await openPage(browser, look);
    const sound = async (name: string) => {
      await shoot(name);
      assert.deepEqual(await violations(page), []);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert(wide <= look.width, `${wide} px wide`);
    };
    const said = (status: number) => {
      const own = complaints.filter((text) => !text.includes(`status of ${status} `));
      complaints.length = 0;
      assert.deepEqual(own, []);
    };

    await t.step("the login page", async () => {
      await page.goto(address);
      assert.equal(await page.title(), "Sign in · EventFlow");
      await sound("login");
      assert.equal(await page.locator("script").count(), 0);
      said(0);
    });
    await t.step("a wrong password", async () => {
      await page.getByLabel("User name").fill("ana");
      await page.getByLabel("Password").fill("wrong");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
      assert.equal(await page.getByLabel("User name").inputValue(), "ana");
      await sound("login_wrong");
      said(401);
    });
    await t.step("the frame, live", async () => {
      await signIn(page, address);
      await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
      await sound("frame");
      assert.equal(await page.evaluate(() => document.cookie), "");
      said(0);
    });
    await t.step("the menu, with the keyboard", async () => {
      await page.getByRole("button", { name: /Account of/ }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("Signed in as").waitFor();
      await sound("menu");
      await page.keyboard.press("Escape");
      assert(await page.getByText("Signed in as").isHidden());
    });
    await t.step("nothing there", async () => {
      await page.goto(`${address}/nowhere`);
      await page.getByText("There is nothing here").waitFor();
      await sound("not_found");
      said(404);
    });
    await t.step("a backend that is away, and is back", async () => {
      backend.up = false;
      await page.goto(address);
      await page.getByText("The API does not answer").waitFor();
      await sound("backend_away");
      backend.up = true;
      await page.getByRole("link", { name: "Try again" }).click();
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      said(503);
    });
    await closePage();
    await close();
  });
}

Deno.test("the policy is in force: no script but ours, no style in the page", async () => {
  const { browser, address, close } = await stage();
  const { page, complaints } = await openPage(browser, looks[1]!);
  await signIn(page, address);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.pwned = true";
    document.body.append(script);
    document.body.insertAdjacentHTML(
      "beforeend",
      '<img src="x" onerror="globalThis.pwned = true">',
    );
  });
  await page.waitForTimeout(100);
  assert.equal(await page.evaluate(() => "pwned" in globalThis), false);
  assert(complaints.some((text) => /Content Security Policy/.test(text)));
  await close();
});

Deno.test("an appearance that was chosen is there before any script", async () => {
  const { browser, address, close } = await stage();
  const { page } = await openPage(browser, looks[2]!);
  await page.goto(`${address}/login`);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole("button", { name: "Dark" }).click();
  await page.locator('html[data-theme="dark"]').waitFor();
  assert.notEqual(await background(), light);
  assert.equal(await page.locator("script").count(), 0);
  await close();
});

Deno.test("the server stops and starts again under an open page, which goes on by itself", async () => {
  const { browser, backend, address, running, close } = await stage();
  const { page } = await openPage(browser, looks[3]!);
  await signIn(page, address);
  const status = page.getByRole("status");
  await status.getByText("Live", { exact: true }).waitFor();
  await page.evaluate(() => Object.assign(globalThis, { same: true }));
  const stopped = running.close();
  for (const socket of backend.sockets) socket.close();
  await status.getByText(/Reconnecting|Offline/).waitFor();
  await stopped;
  const again = await startDashboard(running.backend, Number(new URL(address).port));
  await status.getByText("Live", { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => "same" in globalThis), true, "no reload was needed");
  assert.match(backend.requests.filter(({ method }) => method === "WS").at(-1)!.path, /seq=\d+/);
  backend.forget();
  for (const socket of backend.sockets) socket.close(4401, "over");
  await page.getByRole("link", { name: "Signed out" }).waitFor();
  await close(again);
});

Deno.test("a page without a session comes back to where it was", async () => {
  const { browser, address, close } = await stage();
  const { page } = await openPage(browser, looks[1]!);
  await page.goto(`${address}/?from=a%20link`);
  await page.getByLabel("User name").fill("ana");
  await page.getByLabel("Password").fill("demo");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${address}/?from=a%20link`);
  await page.getByRole("button", { name: /Account of/ }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${address}/login`);
  await page.goto(address);
  await page.waitForURL(`${address}/login`);
  await close();
});

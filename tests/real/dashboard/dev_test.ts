/** `deno task dev`: what an edit costs whoever looks at the page. @module */
import { openBrowser } from "tests/support/browser.ts";
import { looks, openPage, signIn } from "tests/support/dashboard.ts";
import {
  assertStateKept,
  editIsland,
  editRoute,
  openDevLoop,
  paint,
  typeIntoIsland,
} from "tests/support/dev_loop.ts";

Deno.test("an edit shows in the open page: of an island with its state kept, of a route", async (t) => {
  const loop = await openDevLoop();
  const server = await loop.start();
  const browser = await openBrowser();
  const { page } = await openPage(browser, looks[2]!);
  await t.step("the first page has its styles, however early it is asked for", async () => {
    await paint(page, server.address);
  });
  await t.step("an island", async () => {
    await signIn(page, server.address, "admin", "admin");
    await typeIntoIsland(page, server.address);
    for (const text of ["Edited once", "Edited twice"]) {
      const again = page.waitForResponse((one) => one.url().endsWith("/_fresh/started"));
      await editIsland(loop, page, text);
      await assertStateKept(page);
      // The server starts again, with the island that it renders: no reason to load the page.
      await again;
      await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
      await assertStateKept(page);
    }
  });
  await t.step("a route", async () => {
    await page.goto(`${server.address}/rules`);
    await editRoute(loop, page, "Edited rules");
  });
  await t.step("it ends with all that it started, under an open page too", () => server.stop());
  await browser.close();
  await loop.close();
});

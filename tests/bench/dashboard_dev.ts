/**
 * What a developer of the dashboard waits for: `deno task dev` in a copy of the working tree, and
 * edits of it. Fails where an edit of an island costs what was typed into it.
 *
 * @module
 */
import { openBrowser } from "tests/support/browser.ts";
import { openPage, signIn } from "tests/support/dashboard.ts";
import {
  assertStateKept,
  type DevServer,
  editIsland,
  editRoute,
  openDevLoop,
  paint,
  typeIntoIsland,
} from "tests/support/dev_loop.ts";
import { median, pause, under } from "./measure.ts";

const starts = 3;
const edits = 5;
/** Between edits a developer looks at what became of the last one. */
const look_ms = 3_000;

/** Measures start and edits, and prints them with their aims. */
export async function measureDevLoop(): Promise<void> {
  console.log("deno task dev, caches warm:");
  const loop = await openDevLoop();
  const browser = await openBrowser();
  const { page } = await openPage(browser, { width: 1440, scheme: "light" });
  let server: DevServer | undefined;
  try {
    // The first start fills the caches, and its session outlives it.
    server = await loop.start();
    await signIn(page, server.address, "admin", "admin");
    await pause(look_ms);

    const painted: number[] = [];
    for (let i = 0; i < starts; i++) {
      await server.stop();
      server = undefined;
      server = await loop.start();
      painted.push(await paint(page, server.address) - server.started_at);
      await pause(look_ms);
    }
    under("command → first page painted, median", median(painted), "ms", 2_000);

    await typeIntoIsland(page, server.address);
    const islands: number[] = [];
    for (let i = 0; i < edits; i++) {
      await pause(look_ms);
      islands.push(await editIsland(loop, page, `Island, edit ${i}`));
      await assertStateKept(page);
    }
    // The server has started again by now, with the island it renders.
    await pause(look_ms);
    await assertStateKept(page);
    under("edit of an island → visible, median", median(islands), "ms", 200);

    await page.goto(`${server.address}/rules`);
    const routes: number[] = [];
    for (let i = 0; i < edits; i++) {
      await pause(look_ms);
      routes.push(await editRoute(loop, page, `Route, edit ${i}`));
    }
    under("edit of a route → visible, median", median(routes), "ms", 1_000);
  } finally {
    await browser.close();
    await server?.stop();
    await loop.close();
  }
}

if (import.meta.main) await measureDevLoop();

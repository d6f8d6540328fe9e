/** A browser, the dashboard as it is built, and a backend with alerts and rules. @module */
import type { Page } from "playwright-core";
import { AlertsBackend } from "./alerts_backend.ts";
import { openBrowser } from "./browser.ts";
import {
  buildDashboard,
  isSound,
  type Look,
  openPage,
  signIn,
  startDashboard,
} from "./dashboard.ts";

export async function alertsStage() {
  await buildDashboard();
  const backend = new AlertsBackend();
  const origin = backend.listen();
  const running = await startDashboard(() => origin);
  const browser = await openBrowser();
  return {
    backend,
    address: running.address,
    /** A page of somebody who is signed in, live, and what can be asked of it. */
    async open(look: Look, username: string, path: string) {
      const opened = await openPage(browser, look);
      const { page, complaints, shoot } = opened;
      await signIn(page, running.address, username);
      complaints.length = 0;
      await page.goto(running.address + path);
      await alive(page);
      return {
        ...opened,
        /** Nothing wrong with how it is made, nothing too wide, nothing said by the console. */
        async sound(name: string) {
          await shoot(name);
          await isSound(page, complaints, look.width);
        },
      };
    },
    async close() {
      await browser.close();
      await running.close();
      await backend.close();
    },
  };
}

/** Waits until the islands of a page have come to life. */
export async function alive(page: Page): Promise<void> {
  await page.getByRole("status").getByText("Live", { exact: true }).waitFor();
}

/** Debian's Chromium, driven by playwright-core. @module */
import { type Browser, chromium } from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** Starts it; where it is missing that is an error, not a reason to skip. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

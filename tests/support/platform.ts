/**
 * The platform as a process, without its simulated services, before a browser: what is sent to it
 * is all that it shows.
 *
 * @module
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { openBrowser } from "tests/support/browser.ts";
import { buildDashboard } from "tests/support/dashboard.ts";
import { Api, startProgram } from "tests/support/process.ts";

export interface Platform {
  readonly browser: Browser;
  /** Of the dashboard, e.g. `http://127.0.0.1:40123`. */
  readonly address: string;
  /** The API behind it, as the administrator. */
  readonly api: Api;
  /** Sends samples; each is whole but for its id, and now where it has no time. */
  metrics(...samples: Partial<SentMetric>[]): Promise<void>;
  logs(...lines: Partial<SentLog>[]): Promise<void>;
  /** Ends the program as an operator would, under pages that stay open. */
  stop(): Promise<void>;
  /** Starts it again: the same data, the same ports. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const services = ["ingest", "analyzer", "alert-engine", "ui-backend", "dashboard"];

export interface SentMetric {
  service_name: string;
  metric_type: string;
  value: number;
  unit: string;
  timestamp: string;
  labels: Record<string, string>;
}

interface SentLog {
  service_name: string;
  level: string;
  message: string;
  timestamp: string;
  trace_id: string;
  stack_trace: string;
}

export async function startPlatform(): Promise<Platform> {
  await buildDashboard();
  let program = await startProgram({ services });
  const { directory } = program;
  const addresses = Object.fromEntries(services.map((name) => [name, program.address(name)]));
  const browser = await openBrowser();
  const send = async (path: string, items: object[]) => {
    const timestamp = new Date().toISOString();
    const whole = items.map((item) => ({ id: crypto.randomUUID(), timestamp, ...item }));
    const response = await fetch(addresses.ingest + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(whole),
    });
    const answer = await response.text();
    assert(response.ok, answer);
  };
  return {
    browser,
    address: addresses.dashboard!,
    api: await new Api(addresses["ui-backend"]!).login(),
    metrics: (...samples) => send("/ingest/metrics", samples),
    logs: (...lines) => send("/ingest/logs", lines),
    async stop() {
      await program.stop();
    },
    async restart() {
      const environment = Object.fromEntries(
        Object.entries(addresses).map(([name, address]) => [
          `${name.toUpperCase().replaceAll("-", "_")}_PORT`,
          new URL(address).port,
        ]),
      );
      program = await startProgram({ services, directory, environment });
    },
    async close() {
      await browser.close();
      await program.stop();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

const vital = [
  ["cpu", 40, "percent"],
  ["memory", 55, "percent"],
  ["latency_p50", 30, "ms"],
  ["latency_p95", 120, "ms"],
  ["error_rate", 0.6, "percent"],
  ["request_rate", 150, "req/s"],
] as const;

/** All vital signs of a service, the n-th time: they wobble, and nothing is wrong. */
export function vitalSigns(service_name: string, n: number, at = Date.now()) {
  return vital.map(([metric_type, middle, unit]): Partial<SentMetric> => ({
    service_name,
    metric_type,
    value: middle * (1 + 0.04 * Math.sin(n * 1.7)),
    unit,
    timestamp: new Date(at).toISOString(),
  }));
}

/** What a service with all vital signs sends, once every five seconds for some minutes. */
export function history(service_name: string, minutes = 4): Partial<SentMetric>[] {
  const now = Date.now();
  const last = minutes * 12 - 1;
  return Array.from(
    { length: minutes * 12 },
    (_, n) => vitalSigns(service_name, n, now - (last - n) * 5_000),
  ).flat();
}

/** What the scripts of a page weigh, gzipped, in bytes. */
export async function scriptBytes(page: Page, url: string): Promise<number> {
  await page.goto(url, { waitUntil: "networkidle" });
  const scripts = await page.evaluate(() =>
    performance.getEntriesByType("resource").map(({ name }) => name)
      .filter((name) => new URL(name).pathname.endsWith(".js"))
  );
  const sizes = await Promise.all([...new Set(scripts)].map(async (script) => {
    const response = await fetch(script);
    return gzipSync(new Uint8Array(await response.arrayBuffer())).length;
  }));
  return sizes.reduce((sum, size) => sum + size, 0);
}

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { incidentsKept_ms } from "functions/simulate.ts";
import {
  effectOf,
  type IncidentKind,
  incidentKinds,
  schedule,
} from "shared/simulation/incidents.ts";
import { linesPerTick, logsEvery, metricsEvery } from "shared/simulation/messages.ts";
import type { Range } from "shared/simulation/profile.ts";
import { formatDuration } from "shared/time/duration.ts";
import { profiles } from "./profiles.ts";

const doc = readFileSync(new URL("../../../docs/LOAD_SIMULATION.md", import.meta.url), "utf8");

const range = ({ quiet, busy }: Range, unit = "") => `${quiet}–${busy}${unit && ` ${unit}`}`;
const span = ([least, most]: readonly [number, number]) =>
  `${formatDuration(least)} to ${formatDuration(most)}`;
const percent = (share: number) => `${Math.round(share * 100)} %`;

function table(...rows: string[][]): string[][] {
  return rows;
}

const tables: Record<string, string[][]> = {
  services: table(
    ["service", "requests/s", "p50, p95, p99", "errors", "CPU", "memory", "burst of load"],
    ...profiles.map((p) => [
      p.name,
      range(p.request_rate),
      `${p.latency.p50}, ${p.latency.p95}, ${p.latency.p99} ms`,
      range(p.error_rate, "%"),
      range(p.cpu, "%"),
      range(p.memory, "%"),
      String(p.day.burst),
    ]),
  ),
  measures: table(
    ["service", "metric type", "labels", "quiet–busy", "unit", "added when all fails"],
    ...profiles.flatMap((p) =>
      p.measures.map((m) => [
        p.name,
        `\`${m.type}\``,
        Object.entries(m.labels ?? {}).map(([name, value]) => `${name}="${value}"`).join(", "),
        range(m),
        m.unit,
        m.trouble === undefined ? "" : String(m.trouble),
      ])
    ),
  ),
  messages: table(
    ["what", "by default"],
    ["metrics", `every ${metricsEvery}, one message a metric type and label set`],
    ["log lines", `every ${logsEvery}, ${linesPerTick} lines`],
  ),
  schedule: table(
    ["what", "number"],
    ["length of a slot", formatDuration(schedule.slot_ms)],
    ["slots that have an incident", percent(schedule.chance)],
    ["quiet at each end of a slot", formatDuration(schedule.margin_ms)],
    ["magnitude", `${schedule.magnitude.least} to ${schedule.magnitude.most}`],
    ["opening incident, after the first tick", span(schedule.opening.after_ms)],
    ["opening incident, lasts", span(schedule.opening.lasts_ms)],
    ["opening incident, kinds", schedule.opening.kinds.join(", ")],
  ),
  incidents: table(
    [
      "kind",
      "lasts",
      "demand lost",
      "added to p95",
      "requests failing",
      "CPU, way to full",
      "memory, way to full",
      "lines that are errors",
    ],
    ...incidentKinds.map((kind) => {
      const worst = effectAtWorst(kind);
      return [
        `\`${kind}\``,
        span(schedule.lasts_ms[kind]),
        percent(worst.demand_lost),
        `${worst.latency_ms} ms`,
        percent(worst.failing),
        percent(worst.cpu),
        percent(worst.memory),
        percent(worst.error_lines),
      ];
    }),
  ),
};

function effectAtWorst(kind: IncidentKind) {
  const ends_at = 600_000;
  const incident = { id: "", service: "", kind, starts_at: 0, ends_at, magnitude: 1 };
  // Within the last sixth a leak is complete, and 510 s is a time at which a flapping service is ill.
  return effectOf(incident, 510_000);
}

for (const [name, rows] of Object.entries(tables)) {
  Deno.test(`the table of ${name} says what the code does`, () => {
    const text = new RegExp(`<!-- table: ${name} -->\n([^]*?)<!-- end -->`).exec(doc)?.[1] ?? "";
    const cells = text.trim().split("\n")
      .filter((line) => !/^\|[ |-]+\|$/.test(line))
      .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
    const wanted = [rows[0], rows[0]!.map(() => "---"), ...rows.slice(1)]
      .map((row) => `| ${row!.join(" | ")} |`).join("\n");
    assert.deepEqual(cells, rows, `The table should be:\n\n${wanted}\n`);
  });
}

Deno.test("the numbers in the text are those of the code", () => {
  assert.ok(doc.includes(`Records are kept for ${incidentsKept_ms / 86_400_000} days`));
});

Deno.test("the example of the replay runs", async () => {
  const code = `${/```ts\n([^]*?)```/.exec(doc)![1]}\nexport { truth };`;
  const { truth } = await import(`data:application/typescript,${encodeURIComponent(code)}`);
  assert.ok(truth.length > 0);
});

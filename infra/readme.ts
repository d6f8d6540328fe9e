/**
 * Prints the tables of the README from the code: functions, topics, metrics, variables. With
 * `--write` it puts them into the README; a test fails when they differ.
 *
 * @module
 */
import { readConfig, Variables } from "functions/config.ts";
import { services } from "functions/mod.ts";
import type { Trigger } from "shared/define/mod.ts";
import { topics } from "shared/model/topics.ts";
import { counters, gauges, histograms } from "shared/telemetry/metrics.ts";

const file = new URL("../README.md", import.meta.url);

function table(head: string[], rows: string[][]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  return [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.map(cell).join(" | ")} |`)
    .join("\n");
}

function trigger(on: Trigger): string {
  switch (on.kind) {
    case "topic":
      return `topic \`${on.topic.name}\`${on.broadcast ? ", every replica" : ""}`;
    case "schedule":
      return "every" in on.schedule ? `every ${on.schedule.every}` : `cron \`${on.schedule.cron}\``;
    case "due":
      return `due \`${on.queue.name}\``;
    case "http":
      return `\`${on.method} ${on.path}\` (${on.access})`;
  }
}

const config = readConfig({});

/** The tables by name. */
export const tables: Record<string, string> = {
  services: table(
    ["service", "port", "functions"],
    services(config).map((service) => [
      service.name,
      String(service.port),
      String(service.functions.length),
    ]),
  ),
  functions: table(
    ["function", "starts on", "emits"],
    services(config).flatMap((service) =>
      service.functions.map((fn) => [
        `\`${fn.name}\``,
        trigger(fn.on),
        fn.emits.map((topic) => `\`${topic.name}\``).join(", "),
      ])
    ),
  ),
  topics: table(
    ["topic", "partitions"],
    topics.map((topic) => [`\`${topic.name}\``, String(topic.partitions)]),
  ),
  metrics: table(
    ["metric", "kind", "labels", "what"],
    ([["counter", counters], ["gauge", gauges], ["histogram", histograms]] as const).flatMap((
      [kind, rows],
    ) =>
      Object.entries(rows).map(([name, { labels, help }]) => [
        `\`${name}\``,
        kind,
        ["service", ...labels].map((label) => `\`${label}\``).join(" "),
        help,
      ])
    ),
  ),
  variables: table(
    ["variable", "default"],
    Object.keys(Variables.shape).map((name) => {
      const value = config[name as keyof typeof config];
      const shown = value === undefined || (Array.isArray(value) && value.length === 0)
        ? "–"
        : `\`${value}\``;
      return [`\`${name}\``, shown];
    }),
  ),
};

/** The README with the tables of now. */
export function withTables(readme: string): string {
  return readme.replace(
    /<!-- table (\w+) -->\n[^]*?<!-- end -->/g,
    (_, name: string) => `<!-- table ${name} -->\n\n${tables[name]}\n\n<!-- end -->`,
  );
}

if (import.meta.main) {
  if (Deno.args.includes("--write")) {
    await Deno.writeTextFile(file, withTables(await Deno.readTextFile(file)));
  } else {
    for (const [name, text] of Object.entries(tables)) console.log(`## ${name}\n\n${text}\n`);
  }
}

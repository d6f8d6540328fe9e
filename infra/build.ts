/**
 * `deno task build [--traces] [service…]`: a self-contained binary for each service in `dist/`, with
 * the same code and its name as the argument; `eventflow` runs whatever it is told, as
 * `deno task start` does.
 *
 * With `--traces` the binary always exports traces to `OTEL_EXPORTER_OTLP_ENDPOINT`, without it never:
 * `deno compile` settles that, and ignores `OTEL_DENO` of the process that runs the binary
 * (https://github.com/denoland/deno/issues/28839).
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "functions/config.ts";
import { services } from "functions/mod.ts";

const all = services(readConfig({})).map(({ name }) => name);
const traces = Deno.args.includes("--traces");
const given = Deno.args.filter((arg) => arg !== "--traces");
const names = given.length > 0 ? given : ["eventflow", ...all];
const unknown = names.filter((name) => name !== "eventflow" && !all.includes(name));
if (unknown.length > 0) {
  console.error(`There is no service "${unknown.join('", "')}"; there are ${all.join(", ")}`);
  Deno.exit(1);
}
const parts = [
  ...(await unreadable()).flatMap((path) => ["--exclude", path]),
  ...["routes", "static", "_fresh"].map((part) => `fresh-dashboard/${part}`)
    .filter((path) => existsSync(path)).flatMap((path) => ["--include", path]),
];
for (const name of names) {
  const { success, stderr } = await deno([
    "compile",
    "--allow-net",
    "--allow-env",
    "--allow-sys",
    "--allow-read",
    "--allow-write",
    "--exclude-unused-npm",
    // As `infra/permissions.ts` says.
    "--v8-flags=--max-semi-space-size=16,--heap-growing-percent=100",
    ...parts,
    "--output",
    `dist/${name}`,
    "functions/main.ts",
    ...(name === "eventflow" ? [] : [name]),
  ]);
  if (!success) {
    console.error(new TextDecoder().decode(stderr));
    Deno.exit(1);
  }
  console.log(`dist/${name}`);
}

/**
 * Files of packages that `deno compile` dies of: it reads every file as a program, and a list of
 * 100,000 numbers, some negative, is one very deep subtraction
 * (https://github.com/denoland/deno/issues/36746).
 */
async function unreadable(): Promise<string[]> {
  const { stdout } = await deno(["info", "--json"]);
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout)) as { npmCache: string };
  return readdirSync(npmCache)
    .map((registry) => join(npmCache, registry, "bintrees"))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      readdirSync(folder).map((version) => join(folder, version, "test")).filter((path) =>
        existsSync(path)
      )
    );
}

function deno(args: string[]): Promise<Deno.CommandOutput> {
  return new Deno.Command(Deno.execPath(), {
    args,
    env: traces ? { OTEL_DENO: "true", OTEL_DENO_CONSOLE: "ignore" } : { OTEL_DENO: "false" },
  }).output();
}

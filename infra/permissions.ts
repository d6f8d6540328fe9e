/**
 * Prints the permissions that the services need with this environment, as flags for `deno run`: the
 * network, the environment, and the files that the configuration names. Nothing else. And how much
 * memory V8 may take before it looks for what is no longer used: by itself up to four times what is
 * in use, which made a service that worked off a backlog some 60 MB larger and hardly faster.
 *
 * @module
 */
const variable = (name: string) => Deno.env.get(name) || undefined;
const data = variable("DATA_DIR") ?? ".data";
const read = [
  ".",
  data,
  ...["ALERTING_CONFIG", "KAFKA_SSL_CA", "REDIS_SSL_CA"].flatMap((name) => variable(name) ?? []),
];
if (read.some((path) => path.includes(","))) {
  throw new Error("Cannot name a path in a permission as it has a comma");
}
console.log([
  "--allow-net",
  "--allow-env",
  "--allow-sys=hostname,osRelease,networkInterfaces,cpus",
  `--allow-read=${[...new Set(read)].join(",")}`,
  `--allow-write=${data}`,
  "--v8-flags=--max-semi-space-size=16,--heap-growing-percent=100",
].join(" "));

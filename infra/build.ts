/**
 * `deno task build [service…]`: a self-contained binary for each service in `dist/`, with the same
 * code and its name as the argument.
 *
 * @module
 */
import { readConfig } from "functions/config.ts";
import { services } from "functions/mod.ts";

const all = services(readConfig({})).map(({ name }) => name);
const names = Deno.args.length > 0 ? Deno.args : ["eventflow", ...all];
/** What the dashboard reads from folders: a compiler cannot see it. */
const pages = ["routes", "islands", "static", "_fresh"].flatMap((folder) => [
  "--include",
  `fresh-dashboard/${folder}`,
]);
for (const name of names) {
  if (name !== "eventflow" && !all.includes(name)) {
    console.error(`There is no service "${name}"; there are ${all.join(", ")}`);
    Deno.exit(1);
  }
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--allow-net",
      "--allow-env",
      "--allow-sys",
      "--allow-read",
      "--allow-write",
      "--exclude-unused-npm",
      ...(name === "eventflow" || name === "dashboard" ? pages : []),
      "--output",
      `dist/${name}`,
      "functions/main.ts",
      // `eventflow` runs whatever it is told, as `deno task start` does.
      ...(name === "eventflow" ? [] : [name]),
    ],
  }).output().then((output) => {
    if (!output.success) console.error(new TextDecoder().decode(output.stderr));
    return output;
  });
  if (!success) Deno.exit(1);
  console.log(`dist/${name}`);
}

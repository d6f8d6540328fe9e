/**
 * `deno task release 1.2.3`: makes a release of what is checked out. Refuses unless the version is
 * new and the tree is clean; then everything must be ok and every binary built. Writes
 * `dist/SHA256SUMS` and the commits since the last release into `CHANGELOG.md`, commits that, and
 * tags it. Pushes nothing.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";

const [version = "", ...rest] = Deno.args;
if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version) || rest.length > 0) {
  refuse(`its version must be like 1.2.3: current value is "${Deno.args.join(" ")}"`);
}
const tag = `v${version}`;
if (await git("tag", "--list", tag) !== "") {
  refuse(`its version must be new: there is a tag "${tag}"`);
}
const changed = await git("status", "--porcelain");
if (changed !== "") refuse(`everything must be committed first:\n${changed}`);

await task("ok");
await task("build");
await writeSums();
await writeChanges();
await git("add", "CHANGELOG.md");
await git("commit", "--quiet", "--message", `release: ${version}`);
await git("tag", "--annotate", "--message", `EventFlow ${version}`, tag);
console.log(`${tag} is made; to publish it: git push --follow-tags`);

function refuse(reason: string): never {
  console.error(`Cannot make a release as ${reason}`);
  Deno.exit(1);
}

async function writeSums(): Promise<void> {
  const lines: string[] = [];
  for (const { name } of readdirSync("dist", { withFileTypes: true }).filter((at) => at.isFile())) {
    if (name === "SHA256SUMS") continue;
    const hash = createHash("sha256");
    await pipeline(createReadStream(`dist/${name}`), hash);
    lines.push(`${hash.digest("hex")}  ${name}\n`);
  }
  writeFileSync("dist/SHA256SUMS", lines.toSorted().join(""));
}

async function writeChanges(): Promise<void> {
  const last = (await git("tag", "--list", "v*", "--merged", "HEAD", "--sort=-version:refname"))
    .split("\n")[0];
  const commits = await git(
    "log",
    "--no-merges",
    "--format=- %s",
    last ? `${last}..HEAD` : "HEAD",
  );
  const date = new Date().toISOString().slice(0, 10);
  const title = "# Changes\n";
  const before = existsSync("CHANGELOG.md")
    ? readFileSync("CHANGELOG.md", "utf8").replace(title, "")
    : "";
  writeFileSync("CHANGELOG.md", `${title}\n## ${version} (${date})\n\n${commits}\n${before}`);
}

async function task(name: string): Promise<void> {
  const { code } = await new Deno.Command("deno", { args: ["task", name], stdin: "null" })
    .spawn().status;
  if (code !== 0) refuse(`deno task ${name} must succeed`);
}

async function git(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("git", { args }).output();
  const text = new TextDecoder();
  if (code !== 0) refuse(`git ${args[0]} must succeed:\n${text.decode(stderr)}`);
  return text.decode(stdout).trim();
}

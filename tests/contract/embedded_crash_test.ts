/** The embedded adapters against a process that is really killed. @module */
import assert from "node:assert/strict";
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import { openEmbeddedStore } from "shared/store/embedded.ts";
import { settled, VirtualClock } from "tests/support/virtual_clock.ts";

const root = new URL("../../", import.meta.url).pathname;
const kind = { name: "thing", writer: "test" };
const queue = { name: "queue" };

/** A writer on a directory; `first` resolves when so many lines were told. `run` tells its ids from others'. */
function startWriter(directory: string, run = "run") {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--allow-read=${directory},${root}`,
      `--allow-write=${directory}`,
      "tests/support/writer_program.ts",
      directory,
      run,
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const told: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const read = (async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      // A line that was cut off by the kill may be half a promise: it does not count.
      rest = lines.pop()!;
      told.push(...lines);
      for (const one of waiting) if (told.length >= one.count) one.resolve();
    }
    for (const one of waiting) one.resolve();
  })();
  const errors = new Response(child.stderr).text();
  return {
    told,
    async first(count: number) {
      await new Promise<void>((resolve) => {
        waiting.push({ count, resolve });
        if (told.length >= count) resolve();
      });
      assert(told.length >= count, await Promise.race([errors, "The writer tells nothing"]));
    },
    async kill() {
      child.kill("SIGKILL");
      await child.status;
      await read;
      await errors;
    },
  };
}

async function check(directory: string, told: readonly string[]) {
  const clock = new VirtualClock();
  const broker = openEmbeddedBroker({ directory, clock });
  const store = openEmbeddedStore({ directory, clock });
  const values = new Set<string>();
  const offsets = new Map<number, number[]>();
  await broker.subscribe({ group: crypto.randomUUID(), topic: "t", max: 1_000 }, {
    async batch({ records, partition }) {
      for (const { value } of records) values.add(value);
      offsets.set(partition, [
        ...(offsets.get(partition) ?? []),
        ...records.map(({ offset }) => offset),
      ]);
    },
  });
  await settled();
  const stored = new Set((await store.list(kind, { limit: 1e9 })).map(({ key }) => key));
  const due = await store.take(queue, { now: 1e12, limit: 1e9, lease_ms: 1 });
  const scheduled = new Set(due.map(({ id }) => id));
  for (const line of told) {
    const [verb, id = ""] = line.split(" ");
    if (verb === "published") assert(values.has(id), `${id} was published and is lost`);
    else assert(stored.has(id) && scheduled.has(id), `${id} was stored and is lost`);
  }
  assert.deepEqual(scheduled, stored, "each call was made as a whole or not at all");
  for (const list of offsets.values()) assert.deepEqual(list, list.map((_, i) => i));
  await broker.close();
  await store.close();
}

Deno.test("what a killed process was promised is kept, and its directory is free at once", async () => {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-crash-" });
  const told: string[] = [];
  for (const count of [60, 150, 300]) {
    const writer = startWriter(directory, `run${count}`);
    await writer.first(count);
    await writer.kill();
    told.push(...writer.told);
    await check(directory, told);
  }
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a second process on a directory is refused, and the first goes on", async () => {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-crash-" });
  const clock = new VirtualClock();
  const writer = startWriter(directory);
  await writer.first(10);
  for (const open of [openEmbeddedBroker, openEmbeddedStore]) {
    assert.throws(
      () => open({ directory, clock }),
      (error: Error) =>
        error.message.startsWith(`Cannot open "${directory}" as another EventFlow process uses it`),
    );
  }
  await writer.first(writer.told.length + 10);
  await writer.kill();
  await check(directory, writer.told);
  await Deno.remove(directory, { recursive: true });
});

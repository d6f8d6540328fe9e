import assert from "node:assert/strict";
import fc from "fast-check";
import { Unavailable } from "shared/define/mod.ts";
import { Database, fromText, toText } from "shared/sqlite/database.ts";
import { mayMount, smallDisk } from "tests/support/small_disk.ts";

const schema = "create table if not exists rows (id integer primary key, text text)";

function open(directory = ":memory:", more: object = {}, hooks = {}) {
  const db = new Database({ directory, file: "test.db", schema, ...more }, hooks);
  const insert = db.prepare("insert into rows (text) values (?)");
  const count = db.prepare("select count(*) from rows");
  return { db, add: (text: string) => insert.run(text), count: () => count.get()![0] };
}

async function inDirectory(run: (directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-sqlite-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("writes of one turn share a transaction", async () => {
  let commits = 0;
  const { db, add, count } = open(":memory:", {}, { committed: () => commits++ });
  await Promise.all([db.write(() => add("a")), db.write(() => add("b")), db.write(() => add("c"))]);
  assert.deepEqual([commits, count()], [1, 3]);
  await db.write(() => add("d"));
  assert.deepEqual([commits, count()], [2, 4]);
  db.close();
});

Deno.test("a write that throws takes no other of its turn with it", async () => {
  let undone = 0;
  const { db, add, count } = open(":memory:", {}, { rolledBack: () => undone++ });
  const outcomes = await Promise.allSettled([
    db.write(() => add("a")),
    db.write(() => {
      add("never");
      throw new RangeError("no");
    }),
    db.write(() => add("c")),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  assert((outcomes[1] as PromiseRejectedResult).reason instanceof RangeError);
  assert.equal(count(), 2);
  assert.equal(undone, 2);
  db.close();
});

Deno.test("a write returns what its work returned", async () => {
  const { db } = open();
  assert.deepEqual(await Promise.all([db.write(() => 1), db.write(() => "two")]), [1, "two"]);
  db.close();
});

Deno.test("writes that wait are finished by close, and later ones are refused", async () => {
  await inDirectory(async (directory) => {
    const first = open(directory);
    const waiting = first.db.write(() => first.add("a"));
    first.db.close();
    await waiting;
    await assert.rejects(first.db.write(() => first.add("b")), Unavailable);
    assert.throws(() => first.db.read(() => 1), Unavailable);
    first.db.close();
    const second = open(directory);
    assert.equal(second.count(), 1);
    second.db.close();
  });
});

Deno.test("a directory is used by one at a time, and the second is told which it is", async () => {
  await inDirectory(async (directory) => {
    const { db } = open(directory);
    assert.throws(() => open(directory), (error: Error) => {
      assert(error.message.startsWith(`Cannot open "${directory}" as another EventFlow process`));
      return error.cause instanceof Error;
    });
    db.close();
    open(directory).db.close();
  });
});

Deno.test("a directory that is missing is made", async () => {
  await inDirectory(async (directory) => {
    open(`${directory}/a/b`).db.close();
    assert((await Deno.stat(`${directory}/a/b/test.db`)).isFile);
  });
});

Deno.test("a file that is no database is refused by name", async () => {
  await inDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/test.db`, "not a database ".repeat(1_000));
    assert.throws(() => open(directory), /Cannot open ".*test\.db"/);
  });
});

Deno.test("a file of a later version is refused by version", async () => {
  await inDirectory(async (directory) => {
    open(directory, { schema: `${schema}` }).db.close();
    const { db } = open(directory);
    await db.write(() => {});
    db.prepare("pragma user_version = 99").run();
    db.close();
    assert.throws(() => open(directory), /version must be at most 1: current value is "99"/);
  });
});

Deno.test("a full file refuses writes with Unavailable, reads go on, and writes too when there is room", async () => {
  await inDirectory(async (directory) => {
    const { db, add, count } = open(directory, { limit_bytes: 64 * 1024 });
    let stored = 0;
    await assert.rejects(async () => {
      for (;;) {
        await db.write(() => add("x".repeat(1_000)));
        stored++;
      }
    }, (error: Unavailable) => {
      assert(error instanceof Unavailable);
      assert(error.after! > 0);
      assert(error.cause instanceof Error);
      return true;
    });
    assert.equal(count(), stored);
    await db.write(() => db.prepare("delete from rows").run());
    await db.write(() => add("x".repeat(1_000)));
    assert.equal(count(), 1);
    db.close();
  });
});

Deno.test("one write that is too large for a full file does not stop a small one of its turn", async () => {
  await inDirectory(async (directory) => {
    const { db, add, count } = open(directory, { limit_bytes: 64 * 1024 });
    const outcomes = await Promise.allSettled([
      db.write(() => add("x".repeat(1_000_000))),
      db.write(() => add("small")),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), ["rejected", "fulfilled"]);
    assert.equal(count(), 1);
    db.close();
  });
});

Deno.test({
  name: "a full disk refuses writes, reads go on, and writes too when there is room again",
  ignore: !await mayMount(),
  async fn() {
    const disk = await smallDisk(8);
    const { db, add, count } = open(disk.path);
    try {
      await db.write(() => add("before"));
      for (let round = 1; round <= 3; round++) {
        await disk.fill();
        await assert.rejects(db.write(() => add("x".repeat(20_000))), Unavailable);
        assert.equal(count(), round);
        await disk.free();
        await db.write(() => add("x".repeat(20_000)));
        assert.equal(count(), round + 1);
      }
    } finally {
      db.close();
      await disk.remove();
    }
  },
});

Deno.test("any text is kept as it is", () => {
  const { db, add } = open();
  const last = db.prepare("select text from rows order by id desc limit 1");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    add(toText(text));
    assert.equal(fromText(last.get()![0] as string), text);
  }));
  for (const text of ["a\0b", "\ud800", "\u0001", '\u0001"a"', "\0"]) {
    add(toText(text));
    assert.equal(fromText(last.get()![0] as string), text);
  }
  db.close();
});

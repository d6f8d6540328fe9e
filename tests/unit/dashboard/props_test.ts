/** What islands are given arrives as it was. @module */
import assert from "node:assert/strict";
import { computed, Signal, signal } from "@preact/signals";
import fc from "fast-check";
import { readProps, writeProps } from "fresh-dashboard/fresh/props.ts";

Deno.test("any JSON comes back as it was, and cannot end the script it stands in", () => {
  const nasty = fc.constantFrom("$", "</script>", "<!--", "__proto__", "\u2028", "\u202e", "💥");
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      fc.string(),
      nasty,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie("any"), { maxLength: 4 }),
      fc.array(fc.tuple(fc.oneof(fc.string(), nasty), tie("any")), { maxLength: 4 })
        .map((entries) => Object.fromEntries(entries)),
    ),
  })).any;
  fc.assert(fc.property(value, (given) => {
    const text = writeProps(given);
    assert.doesNotMatch(text, /</);
    assert.deepEqual(readProps(text), JSON.parse(JSON.stringify(given)));
  }));
});

Deno.test("a signal given twice is one signal, wherever it is", () => {
  const shared = signal({ deep: [1] });
  const read = readProps(writeProps({ a: shared, list: [{ b: shared }] })) as {
    a: Signal<{ deep: number[] }>;
    list: [{ b: Signal }];
  };
  assert(read.a instanceof Signal);
  assert.equal(read.a, read.list[0].b);
  assert.deepEqual(read.a.value, { deep: [1] });
});

Deno.test("a signal may hold signals; a computed one arrives as what it was", () => {
  const inner = signal(2);
  const outer = signal({ inner, twice: computed(() => inner.value * 2) });
  const read = readProps(writeProps([outer, inner])) as [
    Signal<{ inner: Signal; twice: Signal }>,
    Signal,
  ];
  assert.equal(read[0].value.inner, read[1]);
  assert.equal(read[0].value.twice.value, 4);
});

Deno.test("an object of others that looks like a reference is not one", () => {
  for (const given of [{ $: 0 }, { $: [["a", 1]] }, { $: { $: 1 }, x: signal(1).peek() }]) {
    assert.deepEqual(readProps(writeProps(given)), given);
  }
});

Deno.test("dates arrive as their text; functions are refused by name", () => {
  assert.equal(readProps(writeProps(new Date(0))), "1970-01-01T00:00:00.000Z");
  assert.throws(() => writeProps({ deep: { onClick() {} } }), /the prop "onClick"/);
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import {
  anyOf,
  byNumber,
  byText,
  instant,
  paged,
  Paging,
  searchText,
  sortBy,
  sorted,
  yesOrNo,
} from "functions/ui-backend/paging.ts";

const orders = {
  name: byText((item: { name: string; size: number }) => item.name),
  size: byNumber((item: { name: string; size: number }) => item.size),
};
const Query = z.object({
  ...Paging,
  kind: anyOf(["a", "b"]),
  any: anyOf(),
  yes: yesOrNo,
  from: instant,
  q: searchText,
  sort: sortBy(orders, "-size"),
});

const read: [rule: string, query: Record<string, string>, part: string, value: unknown][] = [
  ["a list starts at page 1", {}, "page", 1],
  ["a page has 20 items when nobody says", {}, "limit", 20],
  ["a page has at most 100 items", { limit: "5000" }, "limit", 100],
  ["a filter takes several values", { kind: "a, b" }, "kind", new Set(["a", "b"])],
  [
    "a comma in a value is written with a backslash",
    { any: "a\\,b,c" },
    "any",
    new Set(["a,b", "c"]),
  ],
  ["an empty filter filters nothing", { kind: "" }, "kind", undefined],
  ["a filter of separators filters nothing", { any: " , " }, "any", undefined],
  ["yes is true", { yes: "true" }, "yes", true],
  ["no is false", { yes: "false" }, "yes", false],
  ["an empty yes or no is neither", { yes: "" }, "yes", undefined],
  ["a time is read in any zone", { from: "1970-01-01T01:00:00+01:00" }, "from", 0],
  ["an empty time is none", { from: "" }, "from", undefined],
  ["a search looks at lower case", { q: " CPU " }, "q", "cpu"],
  ["a list has an order of its own", {}, "sort", ["-size"]],
  ["an empty order is the list's own", { sort: "" }, "sort", ["-size"]],
  ["orders go one after the other", { sort: "name,-size" }, "sort", ["name", "-size"]],
];
for (const [rule, query, part, value] of read) {
  Deno.test(`paging: ${rule}`, () => {
    assert.deepEqual((Query.parse(query) as Record<string, unknown>)[part], value);
  });
}

const refused: [rule: string, query: Record<string, string>][] = [
  ["pages begin with 1", { page: "0" }],
  ["a page is a whole number", { page: "1.5" }],
  ["a page is a number", { page: "next" }],
  ["a limit is at least 1", { limit: "0" }],
  ["a filter with known values takes no others", { kind: "a,c" }],
  ["yes or no is nothing else", { yes: "maybe" }],
  ["a time has a zone", { from: "2026-01-01T00:00:00" }],
  ["an order is one of the list's", { sort: "colour" }],
];
for (const [rule, query] of refused) {
  Deno.test(`paging: ${rule}`, () => assert.equal(Query.safeParse(query).success, false));
}

const pages: [rule: string, total: number, page: number, limit: number, want: number[]][] = [
  ["the first page", 5, 1, 2, [0, 1]],
  ["the last page may be short", 5, 3, 2, [4]],
  ["beyond the last page there is nothing", 5, 4, 2, []],
  ["an empty list has no page", 0, 1, 20, []],
];
for (const [rule, total, page, limit, want] of pages) {
  Deno.test(`paging: ${rule}`, () => {
    const { data, meta } = paged(Array.from({ length: total }, (_, i) => i), { page, limit });
    assert.deepEqual(data, want);
    assert.deepEqual(meta, { total, page, limit, pages: Math.ceil(total / limit) });
  });
}

Deno.test("paging: the pages of a list together are the list", () => {
  fc.assert(fc.property(fc.array(fc.integer()), fc.integer({ min: 1, max: 7 }), (items, limit) => {
    const all: number[] = [];
    for (let page = 1; page <= Math.ceil(items.length / limit); page++) {
      all.push(...paged(items, { page, limit }).data as number[]);
    }
    assert.deepEqual(all, items);
  }));
});

Deno.test("sorting: later orders decide where earlier ones are equal", () => {
  const items = [{ name: "b", size: 1 }, { name: "a", size: 1 }, { name: "c", size: 2 }];
  assert.deepEqual(sorted(items, orders, ["-size", "name"]).map((i) => i.name), ["c", "a", "b"]);
});

Deno.test("sorting: leaves the given list as it is", () => {
  const items = [{ name: "b", size: 1 }, { name: "a", size: 2 }];
  sorted(items, orders, ["name"]);
  assert.equal(items[0]!.name, "b");
});

/** Lists as the API gives them: pages, filters and orders. Pure. @module */
import { z } from "zod";
import { reply } from "functions/define.ts";
import type { Reply } from "shared/define/mod.ts";
import { Timestamp } from "shared/model/wire.ts";

/** Most items of a page; more are not refused but not given. */
const maxLimit = 100;

/** The query of every list. */
export const Paging = {
  page: z.coerce.number().int().min(1).default(1).describe("From 1"),
  limit: z.coerce.number().int().min(1).default(20).transform((n) => Math.min(n, maxLimit))
    .describe(`Items of a page, at most ${maxLimit}`),
};

/** One page of items, with `meta`. */
export function paged<T>(
  items: readonly T[],
  { page, limit }: { page: number; limit: number },
  show: (item: T) => unknown = (item) => item,
): Reply {
  const total = items.length;
  return reply(items.slice((page - 1) * limit, page * limit).map(show), {
    meta: { total, page, limit, pages: Math.ceil(total / limit) },
  });
}

/** A filter that takes several values, comma separated, `\,` for a comma in one; absent when empty. */
export function anyOf(values?: readonly string[]) {
  return z.string().optional()
    .transform((text) => {
      const given = text?.split(/(?<!\\),/)
        .map((value) => value.replaceAll("\\,", ",").trim()).filter(Boolean);
      return given && given.length > 0 ? new Set(given) : undefined;
    })
    .refine(
      (given) => !values || !given || [...given].every((value) => values.includes(value)),
      values ? `must be of: ${values.join(", ")}` : undefined,
    )
    .describe(values ? `Any of ${values.join(", ")}; comma separated` : "Comma separated");
}

/** A filter by yes or no; absent when empty. */
export const yesOrNo = z.enum(["true", "false", ""]).optional()
  .transform((text) => text ? text === "true" : undefined);

/** A filter by time, RFC 3339; epoch milliseconds, absent when empty. */
export const instant = z.union([Timestamp, z.literal("")]).optional()
  .transform((text) => text ? Date.parse(text) : undefined);

/** A search word; lower case, absent when empty. */
export const searchText = z.string().max(200).optional()
  .transform((text) => text?.trim().toLowerCase() || undefined);

/** What to order by: how two items compare, ascending. */
export type Orders<T> = Readonly<Record<string, (a: T, b: T) => number>>;

/** The query parameter `sort`: names of orders, comma separated, `-` for descending. */
export function sortBy<T>(orders: Orders<T>, fallback: string) {
  const names = Object.keys(orders);
  return z.string().optional()
    .transform((text) => (text || fallback).split(",").map((name) => name.trim()).filter(Boolean))
    .refine(
      (given) => given.every((name) => names.includes(name.replace(/^-/, ""))),
      `must be of: ${names.join(", ")}, with - before it for descending`,
    )
    .describe(`Any of ${names.join(", ")}, with - before it for descending`);
}

/** The items in the order of the given names. */
export function sorted<T>(items: readonly T[], orders: Orders<T>, names: readonly string[]): T[] {
  const steps = names.map((name) =>
    name.startsWith("-")
      ? { compare: orders[name.slice(1)]!, sign: -1 }
      : { compare: orders[name]!, sign: 1 }
  );
  return [...items].sort((a, b) => {
    for (const { compare, sign } of steps) {
      const order = compare(a, b) * sign;
      if (order !== 0) return order;
    }
    return 0;
  });
}

/** Compares texts by code units: the same on every machine. */
export function byText<T>(text: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => {
    const [x, y] = [text(a), text(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  };
}

/** Compares numbers. */
export function byNumber<T>(number: (item: T) => number): (a: T, b: T) => number {
  return (a, b) => number(a) - number(b);
}

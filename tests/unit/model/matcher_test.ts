import assert from "node:assert/strict";
import fc from "fast-check";
import {
  formatMatcher,
  makeMatcher,
  matcherOperators,
  matches,
  maxPattern,
  parseMatcher,
  parseMatchers,
} from "shared/model/matcher.ts";

const readable: [rule: string, text: string, parts: [string, string, string]][] = [
  ["a quoted value", 'env="prod"', ["env", "=", "prod"]],
  ["a bare value", "env=prod", ["env", "=", "prod"]],
  ["white space around the parts", '  env  !=  "prod"  ', ["env", "!=", "prod"]],
  ["an empty value", 'env=""', ["env", "=", ""]],
  ["a value with a comma and a brace", 'env="a,}b"', ["env", "=", "a,}b"]],
  ["escapes", String.raw`a="x\"y\\z\n"`, ["a", "=", 'x"y\\z\n']],
  ["an unknown escape stays, as expressions need", String.raw`a=~"\d+"`, ["a", "=~", "\\d+"]],
  ["a quoted name with any characters", '"http.route name"!~"/x.*"', [
    "http.route name",
    "!~",
    "/x.*",
  ]],
  ["a name with dots", "http.route=/login", ["http.route", "=", "/login"]],
];
for (const [rule, text, [name, operator, value]] of readable) {
  Deno.test(`matcher: reads ${rule}`, () => {
    const matcher = parseMatcher(text);
    assert.deepEqual([matcher.name, matcher.operator, matcher.value], [name, operator, value]);
  });
}

const unreadable: [rule: string, text: string][] = [
  ["nothing", ""],
  ["a name alone", "env"],
  ["no name", '="x"'],
  ["an empty name", '""="x"'],
  ["an open quote", 'env="x'],
  ["a doubled operator", 'env=="x"'],
  ["something after it", 'env="x" y'],
  ["two of them", 'a="1",b="2"'],
  ["an expression that does not compile", 'env=~"("'],
  ["an expression that is too long", `env=~"${"a".repeat(maxPattern + 1)}"`],
  ["an expression that may run without end", 'env=~"(a+)+b"'],
  ["a repetition hidden in another group", 'env=~"((?:ab*c)){2,}"'],
  ["a back-reference", String.raw`env=~"(a)\1"`],
  ["look-ahead", 'env=~"(?=a)b"'],
  ["an anchor of RE2", String.raw`env=~"\Aprod\z"`],
  ["a quotation of RE2", String.raw`env=~"\Qa.b\E"`],
  ["a class of RE2", 'env=~"[[:alpha:]]+"'],
];
for (const [rule, text] of unreadable) {
  Deno.test(`matcher: refuses ${rule}`, () => {
    assert.throws(() => parseMatcher(text), SyntaxError);
  });
}

const meanings: [rule: string, text: string, labels: Record<string, string>, holds: boolean][] = [
  ["= is equality", "a=x", { a: "x" }, true],
  ["= is no substring", "a=x", { a: "xy" }, false],
  ["!= is the opposite", "a!=x", { a: "y" }, true],
  ["a missing label equals an empty one", 'a=""', {}, true],
  ["a missing label is not a value", "a=x", {}, false],
  ["!= holds for a missing label", "a!=x", {}, true],
  ["=~ is the whole value", 'a=~"x"', { a: "xy" }, false],
  ["=~ anchors all alternatives", 'a=~"x|y"', { a: "yz" }, false],
  ["=~ of an alternative", 'a=~"x|y"', { a: "y" }, true],
  ["=~ of anything holds for a missing label", 'a=~".*"', {}, true],
  ["=~ of something does not", 'a=~".+"', {}, false],
  ["!~ is the opposite", 'a!~"x.*"', { a: "xy" }, false],
  ["!~ holds for a missing label", 'a!~"x.*"', {}, true],
  ["flags in front", 'a=~"(?i)PROD"', { a: "prod" }, true],
  ["escaped punctuation, as RE2 allows", String.raw`a=~"a\-b\/c"`, { a: "a-b/c" }, true],
  ["an escaped backslash before a letter", String.raw`a=~"x\\\\A"`, { a: "x\\A" }, true],
  ["a property of characters", String.raw`a=~"\p{L}+"`, { a: "größe" }, true],
  ["a label that every object has is none", "toString=x", {}, false],
];
for (const [rule, text, labels, holds] of meanings) {
  Deno.test(`matcher: ${rule}`, () => {
    assert.equal(matches([parseMatcher(text)], labels), holds);
  });
}

Deno.test("matcher: reads lists with and without braces", () => {
  for (const text of ['{a="1,2", b!=3,}', 'a="1,2",b!=3', ' { a="1,2" , b!=3 } ']) {
    assert.deepEqual(parseMatchers(text).map(formatMatcher), ['a="1,2"', 'b!="3"']);
  }
  assert.deepEqual(parseMatchers("{}"), []);
  for (const text of ["{a}", '{a="1" b=2}', "{a=1,,b=2}", '{a="1"']) {
    assert.throws(() => parseMatchers(text), SyntaxError, text);
  }
});

Deno.test("matcher: all have to hold", () => {
  const matchers = parseMatchers("a=1,b=2");
  assert(matches(matchers, { a: "1", b: "2", c: "3" }));
  assert(!matches(matchers, { a: "1" }));
  assert(matches([], {}));
});

Deno.test("matcher: what is written is read back", () => {
  const operator = fc.constantFrom(...matcherOperators.slice(0, 2));
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), operator, fc.string(), (name, operator, value) => {
      const matcher = makeMatcher(name, operator, value);
      assert.deepEqual(parseMatcher(formatMatcher(matcher)), matcher);
    }),
  );
});

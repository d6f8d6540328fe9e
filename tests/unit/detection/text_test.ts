import assert from "node:assert/strict";
import { formatValue } from "shared/detection/text.ts";

const rows: [rule: string, n: number, unit: string, text: string][] = [
  ["four digits are enough", 93.2468, "percent", "93.25 %"],
  ["whole numbers stay whole", 1_234_567, "ms", "1234567 ms"],
  ["no unit, no sign", 0.5, "", "0.5"],
  ["a number alone is OpenTelemetry's 1", 0.5, "1", "0.5"],
  ["and one in a time", 12, "1/min", "12 /min"],
  ["a word in braces", 12, "{request}", "12 request"],
  ["a word in a time", 12, "{request}/s", "12 request/s"],
  ["bytes", 512, "By", "512 bytes"],
];
for (const [rule, n, unit, text] of rows) {
  Deno.test(`values in alerts: ${rule}`, () => assert.equal(formatValue(n, unit), text));
}

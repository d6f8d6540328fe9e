/** The guides of `docs/`, as who follows them to the letter reads them. @module */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A block of code, and the file that the text before it names last. */
export interface Step {
  readonly file: string;
  /** `diff` is applied to the file, anything else becomes the file. */
  readonly language: string;
  readonly code: string;
}

/** The steps of a guide, in order. */
export function stepsOf(guide: string): Step[] {
  return [...guide.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map((block) => ({
    file: [...guide.slice(0, block.index).matchAll(/`([\w-]+(?:\/[\w-]+)+\.tsx?)`/g)].at(-1)![1]!,
    language: block[1]!,
    code: block[2]!,
  }));
}

/** Does a step in a copy of the project. */
export function follow({ file, language, code }: Step, copy: string): void {
  const path = join(copy, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, language === "diff" ? patch(readFileSync(path, "utf8"), code, file) : code);
}

/** Applies a diff whose unchanged and removed lines occur once, in a row, in the file. */
function patch(text: string, diff: string, file: string): string {
  const lines = diff.trimEnd().split("\n");
  const side = (without: string) =>
    lines.filter((line) => !line.startsWith(without)).map((line) => `${line.slice(1)}\n`).join("");
  const [before, after] = [side("+"), side("-")];
  assert.equal(text.split(before).length, 2, `${file} should have once:\n${before}`);
  return text.replace(before, () => after);
}

/** Runs a command to its end. @module */
import assert from "node:assert/strict";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Resolves with what a command wrote, whatever its exit code. */
export async function attempt(
  command: string,
  args: string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env" | "clearEnv" | "signal"> = {},
): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, ...options }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Resolves with what a command wrote to standard output; it must succeed. */
export async function command(...call: Parameters<typeof attempt>): Promise<string> {
  const { code, stdout, stderr } = await attempt(...call);
  assert.equal(code, 0, `${call[0]} ${call[1].join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

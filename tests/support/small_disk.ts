/** A real file system of a few megabytes, to be filled; needs the right to mount. @module */

export interface SmallDisk {
  readonly path: string;
  /** Takes all the space that is left. */
  fill(): Promise<void>;
  /** Gives that space back. */
  free(): Promise<void>;
  remove(): Promise<void>;
}

/** Whether this process may mount. */
export async function mayMount(): Promise<boolean> {
  try {
    const disk = await smallDisk(1);
    await disk.remove();
    return true;
  } catch {
    return false;
  }
}

/** Mounts a disk of so many megabytes. @throws when this process may not */
export async function smallDisk(megabytes: number): Promise<SmallDisk> {
  const path = await Deno.makeTempDir({ prefix: "eventflow-disk-" });
  const filler = `${path}/filler`;
  const run = async (command: string, ...args: string[]) => {
    const { success, stderr } = await new Deno.Command(command, { args }).output();
    if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
  };
  try {
    await run("mount", "-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path);
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
  return {
    path,
    async fill() {
      using file = await Deno.open(filler, { create: true, append: true });
      for (const size of [65_536, 4_096, 512, 1]) {
        try {
          for (;;) await file.write(new Uint8Array(size));
        } catch {
          // Full for pieces of this size.
        }
      }
    },
    free: () => Deno.remove(filler),
    async remove() {
      await run("umount", path);
      await Deno.remove(path);
    },
  };
}

/** A TCP proxy whose network can go silent: nothing arrives any more, and nobody is told. @module */

export interface Proxy {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Keeps back everything, also of connections that are made from now on. */
  silence(): void;
  /** Lets new connections through; those that were silenced stay so for ever. */
  heal(): void;
  close(): Promise<void>;
}

/** Starts a proxy to a port of this machine. */
export function startProxy(port: number): Proxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<{ silent: boolean; close(): void }>();
  let silent = false;
  const work = new Set<Promise<void>>();

  async function accept() {
    for await (const from of listener) {
      const to = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
      if (!to) {
        from.close();
        continue;
      }
      const link = {
        silent,
        close() {
          for (const end of [from, to]) {
            try {
              end.close();
            } catch (error) {
              if (!(error instanceof Deno.errors.BadResource)) throw error;
            }
          }
        },
      };
      open.add(link);
      const pipe = async (source: Deno.TcpConn, target: Deno.TcpConn) => {
        const buffer = new Uint8Array(65_536);
        try {
          for (;;) {
            const size = await source.read(buffer);
            if (size === null) break;
            if (link.silent) continue;
            for (let sent = 0; sent < size;) {
              sent += await target.write(buffer.subarray(sent, size));
            }
          }
        } catch {
          // Either end is gone: so is the other.
        }
        if (!link.silent) link.close();
      };
      for (const one of [pipe(from, to), pipe(to, from)]) {
        work.add(one);
        one.finally(() => work.delete(one));
      }
    }
  }
  const accepting = accept();

  return {
    address: `127.0.0.1:${listener.addr.port}`,
    silence() {
      silent = true;
      for (const link of open) link.silent = true;
    },
    heal() {
      silent = false;
    },
    async close() {
      listener.close();
      await accepting;
      for (const link of open) link.close();
      await Promise.all(work);
    },
  };
}

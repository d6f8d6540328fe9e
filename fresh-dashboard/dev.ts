/**
 * Development: Vite for the browser half beside the command that runs the server, which is given
 * Vite's address in `DASHBOARD_VITE`. Ends when the server does; without Vite pages are bare.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const vitePort = freePort();
const vite = new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "--quiet",
    "--allow-all",
    "--node-modules-dir=auto",
    fileURLToPath(new URL("fresh/vite.ts", import.meta.url)),
    "dev",
    String(vitePort),
  ],
  stdin: "null",
}).spawn();
const [command = "", ...args] = Deno.args;
const server = new Deno.Command(command === "deno" ? Deno.execPath() : command, {
  args,
  env: { DASHBOARD_VITE: `http://localhost:${vitePort}` },
}).spawn();

const children = [vite, server];
let stopping = false;
const stop = () => {
  if (stopping) return;
  stopping = true;
  for (const child of children) {
    try {
      // A watcher whose program ends at SIGTERM waits for the next change; at SIGINT it ends too.
      child.kill("SIGINT");
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }
};
Deno.addSignalListener("SIGTERM", stop);
// A terminal tells all of them by itself, and a second signal would not let them finish.
Deno.addSignalListener("SIGINT", () => void (stopping = true));
vite.status.then(({ code }) => {
  if (!stopping) console.error(`Vite ended (${code}): pages have no styles and no scripts`);
});
const { code } = await server.status;
stop();
await Promise.all(children.map((child) => child.status));
Deno.exit(code);

function freePort(): number {
  const listener = Deno.listen({ hostname: "localhost", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

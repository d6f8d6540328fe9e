/** The live connection of this page. On the server it is there and never starts. @module */
import { LiveConnection } from "./connection.ts";

export const live = new LiveConnection({
  open: (path) => new WebSocket(new URL(path, location.href.replace(/^http/, "ws"))),
  async session() {
    try {
      const { status } = await fetch("/session", { cache: "no-store" });
      return status === 401 ? "over" : status === 200 ? "good" : "away";
    } catch {
      // The network is the only thing that can be in the way.
      return "away";
    }
  },
  rendered: () => Number(document.documentElement.dataset.seq) || undefined,
  now: () => Date.now(),
  random: () => Math.random(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  frame: (run) => void requestAnimationFrame(run),
  online: () => navigator.onLine,
  onWake(run) {
    addEventListener("online", run);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") run();
    });
  },
});

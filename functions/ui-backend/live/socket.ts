import { defineFunction, http, HttpProblem } from "functions/define.ts";
import { admit, liveHub } from "./live.ts";
import type { LiveClient, Transport } from "./client.ts";
import { readClientMessage } from "./message.ts";
import { LiveQuery, narrow } from "./query.ts";

/** Live updates over a WebSocket. */
export default defineFunction({
  name: "ui-backend.live_socket",
  on: http("GET /ws", {
    access: "viewer",
    tokenInQuery: true,
    query: LiveQuery,
    summary: "Live updates over a WebSocket: { type, payload, seq, timestamp }",
  }),
  handler({ request, query, user, upgrade }, ctx) {
    const hub = liveHub(ctx);
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      throw new HttpProblem(426, "upgrade_required", "This address speaks WebSocket", {
        headers: { upgrade: "websocket" },
      });
    }
    admit(request, ctx.config, hub.size);
    const { log } = ctx;
    const offered = request.headers.get("sec-websocket-protocol")?.split(",") ?? [];
    const bearer = offered.find((protocol) => protocol.trim().toLowerCase() === "bearer");
    const { socket, response } = upgrade(bearer ? { protocol: bearer.trim() } : {});
    let client: LiveClient | undefined;
    socket.addEventListener("open", () => {
      client = hub.join(transportOf(socket), { user, resume: query.seq, log }, (joined) => {
        narrow(joined, query);
      });
    });
    socket.addEventListener("message", ({ data }) => {
      if (client) hub.hear(client, readClientMessage(data));
    });
    // An error is always followed by close.
    socket.addEventListener("error", (event) => {
      event.preventDefault();
      log.debug("A live connection broke", { error: (event as ErrorEvent).message });
    });
    socket.addEventListener("close", () => client?.close(1000, ""));
    return response;
  },
});

function transportOf(socket: WebSocket): Transport {
  return {
    kind: "websocket",
    send(message) {
      if (socket.readyState === WebSocket.OPEN) socket.send(message.text);
    },
    buffered: () => socket.bufferedAmount,
    close(code, reason) {
      if (socket.readyState === WebSocket.OPEN) socket.close(code, reason);
    },
  };
}

import { defineFunction, type Env, http, HttpProblem } from "functions/define.ts";
import { admit, liveHub } from "./live.ts";
import type { LiveClient, Transport } from "./client.ts";
import { LiveQuery, narrow } from "./query.ts";

/** So often something is sent, for proxies that end silent connections. */
const heartbeat_ms = 15_000;
/** How soon a browser comes back. */
const retry_ms = 2_000;

/** Live updates as server-sent events (the HTML standard, section 9.2). */
export default defineFunction({
  name: "ui-backend.live_events",
  on: http("GET /api/live", {
    access: "viewer",
    tokenInQuery: true,
    query: LiveQuery,
    summary: "Live updates as server-sent events; Last-Event-ID resumes",
  }),
  handler({ request, query, user }, ctx) {
    const { config, log } = ctx;
    const hub = liveHub(ctx);
    admit(request, config, hub.size);
    const resume = lastSeen(request) ?? query.seq;
    const headers = {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // nginx would hold events back.
      "x-accel-buffering": "no",
    };
    // Its body is thrown away unread: a connection that nobody would ever close.
    if (request.method === "HEAD") return new Response(null, { headers });
    let client: LiveClient | undefined;
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        const transport = transportOf(controller);
        transport.write(`retry: ${retry_ms}\n\n`);
        client = hub.join(transport, { user, resume, log }, (joined) => narrow(joined, query));
        void beat(client, transport, ctx);
      },
      cancel() {
        client?.close(1000, "");
      },
    }, { highWaterMark: 0, size: (chunk) => chunk.byteLength });
    return new Response(body, { headers });
  },
});

interface EventTransport extends Transport {
  write(text: string): void;
}

function transportOf(
  controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>,
): EventTransport {
  const encoder = new TextEncoder();
  let open = true;
  const write = (text: string) => {
    if (open) controller.enqueue(encoder.encode(text));
  };
  return {
    kind: "sse",
    write,
    send: (message) => write(`id: ${message.seq}\ndata: ${message.text}\n\n`),
    buffered: () => -(controller.desiredSize ?? 0),
    close() {
      if (!open) return;
      open = false;
      try {
        controller.close();
      } catch (error) {
        // The reader was faster: a cancelled stream is closed already.
        if (!(error instanceof TypeError)) throw error;
      }
    },
  };
}

async function beat(client: LiveClient, transport: EventTransport, { clock }: Env): Promise<void> {
  while (!client.closed.aborted) {
    await clock.sleep(heartbeat_ms, client.closed);
    if (!client.closed.aborted) transport.write(": still here\n\n");
  }
}

/** @throws {HttpProblem} 400 when `Last-Event-ID` is not one of ours */
function lastSeen(request: Request): number | undefined {
  const id = request.headers.get("last-event-id");
  if (!id) return undefined;
  if (/^\d{1,16}$/.test(id)) return Number(id);
  throw new HttpProblem(400, "invalid_query", "Last-Event-ID is the seq of a message", {
    details: [{ path: "last-event-id", message: "must be a whole number" }],
  });
}

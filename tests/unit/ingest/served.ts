/** The ingest functions behind their real HTTP side, without a socket. @module */
import { type Declared, HttpProblem, Unavailable } from "shared/define/mod.ts";
import { serve } from "shared/runner/http.ts";
import { testWorld } from "tests/support/invoke.ts";
import { ingest } from "functions/ingest/mod.ts";

export interface Served {
  /** Moves the clock to a time, epoch milliseconds. */
  moveTo(t: number): Promise<void>;
  /** What was published, parsed. */
  readonly published: { topic: string; value: Record<string, unknown> }[];
  /** Makes the broker take nothing, or again all. */
  full: boolean;
  post(
    path: string,
    body: BodyInit | null,
    type?: string,
    headers?: Record<string, string>,
  ): Promise<Response>;
  /** A counter's text lines. */
  counted(): Promise<string[]>;
  close(): Promise<void>;
}

/** Serves the functions. With `token` it must be presented. */
export async function served(token?: string): Promise<Served> {
  const test = await testWorld();
  const published: Served["published"] = [];
  const service = ingest(test.config);
  const self = { full: false };
  const world = {
    ...test.world,
    broker: {
      ...test.world.broker,
      publish(messages: readonly { topic: string; value: string }[]) {
        if (self.full) return Promise.reject(new Unavailable("The disk is full"));
        for (const { topic, value } of messages) {
          published.push({ topic, value: JSON.parse(value) });
        }
        return Promise.resolve();
      },
    },
    authorize(_access: unknown, given: string | undefined) {
      if (token === undefined || given === token) {
        return Promise.resolve({ id: "", username: "", role: "viewer" as const });
      }
      return Promise.reject(new HttpProblem(401, "unauthorized", "The ingest token is missing"));
    },
  };
  const site = (fn: Declared) => ({
    fn,
    service: "ingest",
    world,
    metrics: test.metrics,
    env: test.env,
  });
  const { fetch } = serve(service, site, world, new AbortController().signal);
  return {
    moveTo: (t) => test.clock.advance(t - test.clock.now()),
    published,
    get full() {
      return self.full;
    },
    set full(value) {
      self.full = value;
    },
    async post(path, body, type = "application/json", headers = {}) {
      const request = new Request(`http://localhost${path}`, {
        method: "POST",
        body,
        headers: { "content-type": type, ...headers },
      });
      let answered = false;
      const answer = Promise.resolve(fetch(request, "127.0.0.1", () => {
        throw new Error("Nothing is upgraded here");
      })).finally(() => answered = true);
      // Large requests let others run now and then.
      while (!answered) await test.clock.advance(0);
      return await answer;
    },
    async counted() {
      return (await test.metrics.text()).split("\n")
        .filter((line) => line.startsWith("ingest_samples_total"))
        .map((line) => line.replace(/service="test",?|,?service="test"/, ""));
    },
    close: () => test.close(),
  };
}

/** Runs a test against the functions. */
export async function withServed(
  run: (it: Served) => Promise<void>,
  token?: string,
): Promise<void> {
  const it = await served(token);
  try {
    await run(it);
  } finally {
    await it.close();
  }
}

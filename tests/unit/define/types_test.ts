/** What must not compile: each line below the mark is an error, or this file fails to check. @module */
import { z } from "zod";
import { defineFunction, defineQueue, due, every, http, topic } from "functions/define.ts";
import { alerts, serviceLogs, serviceMetrics } from "shared/model/topics.ts";
import assert from "node:assert/strict";

const counts = {
  name: "counts",
  create: () => new Map<string, number>(),
  dirty: () => [],
  restore() {},
};

const batch = defineFunction({
  name: "test.batch",
  on: topic(serviceMetrics, { batch: 5, state: counts }),
  emits: [alerts],
  handler(samples, { emit, state, partition, now, config }) {
    const sum: number = (samples[0]!.value ?? 0) + partition + now;
    const count: number | undefined = state.get(config.DATA_DIR);
    // @ts-expect-error the topic is not declared
    emit(serviceLogs, {} as never);
    // @ts-expect-error the payload is not an alert
    emit(alerts, { id: "x", sum, count });
  },
});

const route = defineFunction({
  name: "test.route",
  on: http("POST /api/things/:id/parts/:part", {
    access: "admin",
    body: z.object({ title: z.string() }),
    query: z.object({ page: z.coerce.number() }),
  }),
  handler({ params, body, query }) {
    const all: string = params.id + params.part + body.title + query.page.toFixed();
    // @ts-expect-error the path has no such parameter
    params.name;
    // @ts-expect-error the body has no such field
    body.name;
    return all;
  },
});

const bytes = defineFunction({
  name: "test.bytes",
  on: http("POST /v1", { access: "ingest", body: "bytes" }),
  handler: ({ body }) => body.byteLength,
});

const one = defineFunction({
  name: "test.one",
  on: topic(alerts),
  handler(alert, context) {
    const severity: "info" | "warning" | "critical" = alert.severity;
    // @ts-expect-error nothing is declared, so nothing can be emitted
    context.emit(alerts, { ...alert, severity });
    // @ts-expect-error a function without partition state has none
    context.state;
  },
});

const tick = defineFunction({
  name: "test.tick",
  on: every("5s"),
  handler: ({ at }) => at.toFixed(),
});

const item = defineFunction({
  name: "test.item",
  on: due(defineQueue("things")),
  handler: ({ id, attempt }) => `${id}${attempt}`,
});

// @ts-expect-error a trigger is a value, not a string
defineFunction({ name: "test.string", on: "service-metrics", handler() {} });

// @ts-expect-error a name is `service.verb`
defineFunction({ name: "verb", on: every("5s"), handler() {} });

Deno.test("a declaration carries its name, its trigger and its topics", () => {
  assert.deepEqual(
    [batch, route, bytes, one, tick, item].map((fn) => [fn.name, fn.on.kind, fn.emits.length]),
    [
      ["test.batch", "topic", 1],
      ["test.route", "http", 0],
      ["test.bytes", "http", 0],
      ["test.one", "topic", 0],
      ["test.tick", "schedule", 0],
      ["test.item", "due", 0],
    ],
  );
});

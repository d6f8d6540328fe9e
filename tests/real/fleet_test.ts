/**
 * The whole pipeline in processes of its own, on a real Kafka and Redis, with two replicas of what
 * may have some.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openKafkaBroker } from "shared/broker/kafka.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { systemClock } from "shared/time/clock.ts";
import {
  allAlerts,
  compare,
  createRules,
  Fleet,
  Load,
  metricsOf,
  pause,
  readTopic,
  resident,
  type Servers,
  startServers,
  told,
} from "tests/support/fleet.ts";
import { Api, eventually, type Program } from "tests/support/process.ts";

/** The servers write their logs whenever they like: reading those belongs to no test. */
const options = { sanitizeOps: false };
let servers: Servers;
Deno.test.beforeAll(async () => {
  servers = await startServers();
});
Deno.test.afterAll(() => servers.close());

/** Enough that every partition has some. */
const shops = Array.from({ length: 24 }, (_, i) => `shop-${i}`);

/** The sum of the rows of a metric with some labels. */
async function sum(
  program: Program,
  service: string,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const rows = await metricsOf(program.address(service));
  return rows.filter((row) =>
    row.name === name && Object.entries(labels).every(([label, text]) => row.labels[label] === text)
  ).reduce((sum, { value }) => sum + value, 0);
}

async function send(ingest: Program, metric_type: string, value: number, at: number) {
  const response = await fetch(`${ingest.address("ingest")}/ingest/metrics`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(shops.map((service_name) => ({
      service_name,
      metric_type,
      value,
      timestamp: new Date(at).toISOString(),
    }))),
  });
  await response.body?.cancel();
  assert(response.ok, `answered ${response.status}`);
}

async function withFleet(use: (fleet: Fleet) => Promise<void>): Promise<void> {
  const fleet = await Fleet.open(servers);
  try {
    await use(fleet);
  } catch (error) {
    console.log(fleet.trouble().slice(-20).join("\n"));
    throw error;
  } finally {
    await fleet.close();
  }
}

Deno.test(
  "a fleet shares the work, follows its rules, and takes over from the dead",
  options,
  async (t) => {
    await withFleet(async (fleet) => {
      const simulated = ["auth", "orders", "payments", "notification"];
      const backend = await fleet.start("ui-backend");
      const [ingest, analyzer, analyzer2, engine, engine2] = await Promise.all([
        fleet.start("ingest"),
        fleet.start("analyzer"),
        fleet.start("analyzer"),
        fleet.start("alert-engine"),
        fleet.start("alert-engine"),
      ]);
      const api = await new Api(backend.address("ui-backend")).login();
      // Those of a fresh start would tell of the simulators, at times of their own.
      for (const { id } of await api.get<{ id: string }[]>("/api/rules?limit=100")) {
        await api.delete(`/api/rules/${id}`);
      }
      const ticks = await readTopic<{ id: string; service_name: string; timestamp: string }>(
        servers.kafka,
        fleet,
        "service-metrics",
      );
      const simulators = await Promise.all([0, 1].map(() => fleet.start(simulated)));

      const rule = { metric_type: "load", cooldown_seconds: 0 };
      const alertsOf = async (name: string) =>
        (await allAlerts(api)).filter(({ labels }) => labels.alertname === name);
      const shopAlerts = (name: string, status: string) =>
        eventually(
          () => alertsOf(name),
          (alerts) => alerts.filter((alert) => alert.status === status).length === shops.length,
        );

      await t.step(
        "a rule that is made and changed counts from the next sample on, everywhere",
        async () => {
          const at = Date.now();
          await send(ingest, "load", 40, at - 3_000);
          await eventually(() => fleet.lag("analyzer"), (lag) => lag === 0);
          const made = await api.post<{ id: string; version: number }>("/api/rules", {
            ...rule,
            name: "Loaded",
            threshold: 30,
          });
          await send(ingest, "load", 40, at - 2_000);
          for (const { starts_at } of await shopAlerts("Loaded", "firing")) {
            assert.equal(Date.parse(starts_at), at - 2_000);
          }
          await api.put(`/api/rules/${made.id}`, {
            ...rule,
            name: "Loaded",
            threshold: 50,
            version: made.version,
          });
          await send(ingest, "load", 40, at - 1_000);
          for (const { ends_at } of await shopAlerts("Loaded", "resolved")) {
            assert.equal(Date.parse(ends_at!), at - 1_000);
          }
          await api.delete(`/api/rules/${made.id}`);
          await send(ingest, "load", 90, at);
          await eventually(() => fleet.lag("analyzer"), (lag) => lag === 0);
          assert.equal((await alertsOf("Loaded")).length, shops.length);
        },
      );

      await t.step("partitions and notifications are shared out", async () => {
        const consumed = await Promise.all(
          [analyzer, analyzer2].map((one) =>
            sum(one, "analyzer", "kafka_messages_consumed_total", { topic: "service-metrics" })
          ),
        );
        await eventually(
          () => told(fleet.hook).notifications,
          (count) => count === 2 * shops.length,
        );
        const attempts = await Promise.all(
          [engine, engine2].map((one) => sum(one, "alert-engine", "notification_attempts_total")),
        );
        console.log(
          `two analyzers handled ${consumed.join(" and ")} messages; two alert engines made ${
            attempts.join(" and ")
          } attempts for ${2 * shops.length} notifications`,
        );
        for (const count of consumed) assert(count > 0);
        for (const count of attempts) assert(count > 0);
        assert.deepEqual({ ...told(fleet.hook), last: undefined }, {
          notifications: 2 * shops.length,
          again: 0,
          twice: [],
          last: undefined,
        });
      });

      await t.step(
        "each tick of a schedule comes once, and goes on when a replica dies",
        async () => {
          const calls = () =>
            Promise.all(simulators.map(async (one) => {
              const counts = await Promise.all(
                simulated.map((service) =>
                  sum(one, service, "function_calls_total", { function: `${service}.metrics` })
                ),
              );
              return counts.reduce((sum, count) => sum + count);
            }));
          const shares = await eventually(calls, ([a, b]) => a! > 2 && b! > 2);
          await fleet.kill(simulators.pop()!);
          await pause(11_000);
          // Whoever runs a tick, its samples have the same ids.
          const seen = new Map<string, number>();
          const distinct = new Set<number>();
          for (const { id, service_name, timestamp } of ticks.messages) {
            if (!simulated.includes(service_name)) continue;
            seen.set(id, (seen.get(id) ?? 0) + 1);
            distinct.add(Date.parse(timestamp));
          }
          const times = [...distinct].sort((a, b) => a - b);
          const gaps = times.slice(1).map((time, i) => time - times[i]!);
          const interval = Math.min(...gaps);
          const lost = gaps.reduce((sum, gap) => sum + gap / interval - 1, 0);
          console.log(
            `${shares.join(" and ")} ticks before a replica was killed; ${seen.size} samples of ` +
              `${times.length} times, ${[...seen.values()].filter((n) => n > 1).length} twice, ` +
              `${lost} times without any`,
          );
          assert.deepEqual([...seen].filter(([, count]) => count > 1), []);
          // What the dead replica had begun is not done by others.
          assert(lost <= 1);
        },
      );

      await t.step(
        "the partitions of a killed analyzer move, and their windows come along",
        async () => {
          const average = {
            ...rule,
            name: "Loaded for a minute",
            aggregation: "avg",
            threshold: 60,
          };
          await api.post("/api/rules", { ...average, metric_type: "mean", window_size: 60 });
          const at = Date.now();
          for (let i = 0; i < 5; i++) await send(ingest, "mean", 50, at - 10_000 + i * 1_000);
          await eventually(() => fleet.lag("analyzer"), (lag) => lag === 0);
          await fleet.kill(analyzer);
          const killed = Date.now();
          await send(ingest, "mean", 200, at);
          const alerts = await shopAlerts(average.name, "firing");
          console.log(`partitions of a killed analyzer moved within ${Date.now() - killed} ms`);
          for (const { id } of alerts) {
            const { explanation } = await api.get<{ explanation: { sample_count: number } }>(
              `/api/alerts/${id}`,
            );
            assert.equal(explanation.sample_count, 6);
          }
        },
      );

      await t.step(
        "what a killed alert engine was telling is told by the other, under the same id",
        async () => {
          await api.post("/api/rules", {
            ...rule,
            name: "Full",
            metric_type: "fill",
            threshold: 50,
          });
          const before = fleet.hook.got.length;
          await eventually(
            () => told(fleet.hook).notifications,
            (count) => count === 3 * shops.length,
          );
          fleet.hook.delay_ms = 1_000;
          const sent = new Date().toISOString();
          await send(ingest, "fill", 100, Date.now());
          await eventually(() => fleet.hook.got.length, (count) => count > before);
          await fleet.kill(engine);
          const killed = Date.now();
          // Those that the dead one had in hand come again when its lease ends, and only those.
          await eventually(
            () => api.get<unknown[]>(`/api/notifications?limit=100&outcome=delivered&from=${sent}`),
            (attempts) => attempts.length === shops.length,
            30_000,
          );
          const took = Date.now() - killed;
          fleet.hook.delay_ms = 0;
          await pause(Math.max(0, killed + 25_000 - Date.now()));
          const { again, notifications, twice } = told(fleet.hook);
          console.log(
            `an alert engine killed while it told: ${notifications} notifications, ${again} of them ` +
              `twice, ${twice.length} under two ids; all noted as delivered ${took} ms after`,
          );
          assert.equal(notifications, 4 * shops.length);
          assert.deepEqual(twice, []);
          const times = new Map<string, number>();
          for (const { id } of fleet.hook.got) times.set(id, (times.get(id) ?? 0) + 1);
          assert(Math.max(...times.values()) <= 2);
        },
      );

      await ticks.close();

      await t.step(
        "SIGTERM ends every process within 5 s, and nothing that was done is done again",
        async () => {
          const took = await Promise.all([...fleet.programs].map((program) => fleet.stop(program)));
          console.log(
            `${took.length} processes stopped within ${Math.round(Math.max(...took))} ms`,
          );
          assert(Math.max(...took) < 5_000);
          const before = fleet.hook.got.length;
          const again: [Program, string][] = await Promise.all(
            ["ui-backend", "analyzer", "alert-engine"].map(async (service) =>
              [await fleet.start(service), service] as [Program, string]
            ),
          );
          await pause(8_000);
          const counts = await Promise.all(
            again.map(([program, service]) =>
              sum(program, service, "kafka_messages_consumed_total")
            ),
          );
          console.log(`after the restart ${counts.join(", ")} messages were handled`);
          // Ticks whose samples came while the analyzer was stopping are news.
          assert.equal(await fleet.lag(), 0);
          assert.equal(fleet.hook.got.length, before);
        },
      );

      assert.deepEqual(fleet.trouble(), []);
    });
  },
);

Deno.test(
  "a fleet that is stopped and started under load does everything once",
  options,
  async () => {
    await withFleet(async (fleet) => {
      let ingest: Program;
      let backend: Program;
      const start = async () => {
        backend = await fleet.start("ui-backend");
        await Promise.all([
          fleet.start("analyzer"),
          fleet.start("analyzer"),
          fleet.start("alert-engine"),
          fleet.start("alert-engine"),
        ]);
        ingest = await fleet.start("ingest");
      };
      await start();
      await createRules(await new Api(backend!.address("ui-backend")).login());
      const load = new Load([() => ingest.address("ingest")]);
      let slowest = 0;
      try {
        for (let rounds = 0; rounds < 2; rounds++) {
          await pause(8_000);
          const took = await Promise.all([...fleet.programs].map((program) => fleet.stop(program)));
          slowest = Math.max(slowest, ...took);
          await start();
        }
        await pause(5_000);
      } finally {
        await load.stop();
      }
      const api = await new Api(backend!.address("ui-backend")).login();
      await compare("fleet stopped and started twice", {
        fleet,
        load,
        api,
        more: `; each process stopped within ${Math.round(slowest)} ms`,
      });
      assert(slowest < 5_000);
      assert.equal(told(fleet.hook).again, 0);
      assert.deepEqual(fleet.trouble(), []);
    });
  },
);

/** Samples of 300 series, one a second each, up to now. */
async function fill(fleet: Fleet, count: number): Promise<void> {
  const broker = await openKafkaBroker({
    brokers: [servers.kafka.plain],
    clientId: "fill",
    topicPrefix: fleet.prefix,
    clock: systemClock,
    log: silentLog,
  });
  await broker.create([{ name: "service-metrics", partitions: 3 }]);
  const began = Date.now() - Math.ceil(count / 300) * 1_000;
  const trace = "0af7651916cd43dd8448eb211c80319c";
  for (let from = 0; from < count; from += 5_000) {
    await broker.publish(Array.from({ length: 5_000 }, (_, i) => {
      const n = from + i;
      const service_name = `service-${n % 60}`;
      const id = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
      return {
        topic: "service-metrics",
        key: service_name,
        value: JSON.stringify({
          id,
          service_name,
          metric_type: ["cpu", "memory", "latency_p95", "error_rate", "request_rate"][
            Math.floor(n / 60) % 5
          ],
          value: 40 + n % 7,
          unit: "%",
          timestamp: new Date(began + Math.floor(n / 300) * 1_000).toISOString(),
          labels: { region: "eu-1", instance: "a" },
          trace_id: trace,
        }),
        headers: {
          traceparent: `00-${trace}-b7ad6b7169203331-01`,
          "event-id": id,
          "content-type": "application/json",
        },
      };
    }));
  }
  await broker.close();
}

Deno.test(
  "a service that is a million messages behind catches up in little memory",
  options,
  async () => {
    await withFleet(async (fleet) => {
      const count = 1_000_000;
      const filling = performance.now();
      await fill(fleet, count);
      const filled = performance.now();
      const analyzer = await fleet.start("analyzer");
      const fresh = await resident(analyzer.pid);
      let peak = 0;
      const done = () =>
        sum(analyzer, "analyzer", "kafka_messages_consumed_total", { topic: "service-metrics" });
      await eventually(
        async () => {
          peak = Math.max(peak, await resident(analyzer.pid));
          await pause(250);
          return await done();
        },
        (messages) => messages >= count,
        240_000,
      );
      await eventually(() => fleet.lag("analyzer"), (lag) => lag === 0);
      const seconds = (performance.now() - filled) / 1_000;
      console.log(
        `an analyzer ${count} messages behind: ${Math.round(count / seconds)} messages/s, ` +
          `${fresh.toFixed(0)} MB at its start, at most ${
            peak.toFixed(0)
          } MB (the topic was filled ` +
          `in ${((filled - filling) / 1_000).toFixed(0)} s)`,
      );
      assert(peak < 300, `${peak} MB`);
    });
  },
);

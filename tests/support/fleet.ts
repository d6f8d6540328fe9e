/**
 * A fleet: services in processes of their own on a real Kafka and Redis, a load whose ids and times
 * are fixed, and the undisturbed run that what came of it is compared with.
 *
 * @module
 */
import assert from "node:assert/strict";
import { openKafkaBroker } from "shared/broker/kafka.ts";
import type { RuleInput } from "shared/model/rule.ts";
import { silentLog } from "shared/telemetry/log.ts";
import { systemClock } from "shared/time/clock.ts";
import { type Kafka, startKafka } from "./kafka.ts";
import {
  Api,
  eventually,
  type Program,
  type ProgramOptions,
  type Receiver,
  startProgram,
  webhookReceiver,
} from "./process.ts";
import { type RedisServer, startRedis } from "./redis.ts";

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The servers that the fleets of a test file share. */
export interface Servers {
  readonly kafka: Kafka;
  readonly redis: RedisServer;
  close(): Promise<void>;
}

/** A Redis whose data survive a power cut. */
export function durableRedis(): Promise<RedisServer> {
  return redis("always");
}

function redis(appendfsync: "always" | "everysec"): Promise<RedisServer> {
  return startRedis({ appendfsync, more: ["--databases", "64"] });
}

/** Starts Kafka and Redis. */
export async function startServers(
  appendfsync: "always" | "everysec" = "always",
): Promise<Servers> {
  const [kafka, store] = await Promise.all([startKafka(), redis(appendfsync)]);
  return {
    kafka,
    redis: store,
    async close() {
      await Promise.all([kafka.close(), store.close()]);
    },
  };
}

/** Every label set is a group of its own, so that each notification tells of one alert. */
async function alertingConfig(url: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".yml" });
  await Deno.writeTextFile(
    file,
    `route: { receiver: hook, group_by: ["..."], group_wait: 0s, group_interval: 1s, repeat_interval: 4h }
receivers:
  - name: hook
    webhook_configs: [{ url: "${url}", send_resolved: true }]
`,
  );
  return file;
}

/** Each fleet has a database of its own. */
let databases = 0;

/** Services that share topics and records which nobody else sees. */
export class Fleet {
  readonly hook: Receiver;
  /** What every process of it is told. */
  readonly environment: Readonly<Record<string, string>>;
  readonly prefix: string;
  /** Those that run. */
  readonly programs = new Set<Program>();
  /** Everything that was ever started. */
  readonly #all: Program[] = [];
  readonly #config: string;

  private constructor(
    hook: Receiver,
    prefix: string,
    config: string,
    environment: Record<string, string>,
  ) {
    this.hook = hook;
    this.prefix = prefix;
    this.#config = config;
    this.environment = environment;
  }

  static async open(
    servers: Pick<Servers, "kafka" | "redis">,
    hook = webhookReceiver(),
  ): Promise<Fleet> {
    const prefix = `fleet-${crypto.randomUUID().slice(0, 8)}.`;
    const config = await alertingConfig(hook.url);
    return new Fleet(hook, prefix, config, {
      KAFKA_BROKERS: servers.kafka.plain,
      KAFKA_TOPIC_PREFIX: prefix,
      REDIS_URL: `${servers.redis.url}/${databases++}`,
      ALERTING_CONFIG: config,
      JWT_SECRET: "a secret that every replica of a fleet knows",
    });
  }

  /** Starts services in a process. */
  async start(
    services: string | string[],
    environment: ProgramOptions["environment"] = {},
  ): Promise<Program> {
    const program = await startProgram({
      services: [services].flat(),
      environment: {
        ...this.environment,
        ...environment,
      },
    });
    this.programs.add(program);
    this.#all.push(program);
    return program;
  }

  /** Ends a process as a power cut would. */
  async kill(program: Program): Promise<void> {
    this.programs.delete(program);
    await program.kill();
  }

  /** Ends a process as an operator would; returns how long that took, in milliseconds. */
  async stop(program: Program): Promise<number> {
    this.programs.delete(program);
    const began = performance.now();
    assert.equal(await program.stop(), 0, program.lines.join("\n"));
    return performance.now() - began;
  }

  /** Lines that tell of more than a normal start and stop. */
  trouble(): string[] {
    return this.#all.flatMap((program) =>
      program.lines.filter((line) => !line.startsWith("{") || !line.includes('"level":"info"'))
    );
  }

  /** Messages of a group (all: of every group of the fleet's services) that are not yet done. */
  async lag(group = ""): Promise<number> {
    const rows = new Map<string, number>();
    for (const program of this.programs) {
      for (const [name, { address }] of addressesOf(program)) {
        for (const row of await metricsOf(address)) {
          if (row.name !== "kafka_consumer_lag" || !row.labels.group!.startsWith(group)) continue;
          rows.set(`${name} ${JSON.stringify(row.labels)}`, row.value);
        }
      }
    }
    return [...rows.values()].reduce((sum, lag) => sum + lag, 0);
  }

  /** Ends what still runs. */
  async close(): Promise<void> {
    for (const program of this.programs) await this.kill(program);
    await this.hook.close();
    await Deno.remove(this.#config);
    for (const program of this.#all) await Deno.remove(program.directory, { recursive: true });
  }
}

function addressesOf(program: Program): [string, { address: string }][] {
  return program.lines.flatMap((line): [string, { address: string }][] => {
    if (!line.includes('"address"')) return [];
    const { service, address } = JSON.parse(line);
    return [[service, { address }]];
  });
}

/** A line of `/metrics`. */
export interface MetricRow {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** What a service says of itself. */
export async function metricsOf(address: string): Promise<MetricRow[]> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, labels, value]) => ({
    name: name!,
    labels: Object.fromEntries(
      [...(labels ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label!, text!]),
    ),
    value: Number(value),
  }));
}

/** Resident megabytes of a process. */
export async function resident(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  const status = new TextDecoder().decode(stdout);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

export interface HeatSample {
  id: string;
  service_name: string;
  metric_type: "heat";
  value: number;
  timestamp: string;
}

/** Rules of the load besides those of a fresh start. */
const heatRules: RuleInput[] = [
  { name: "Hot", metric_type: "heat", threshold: 100, cooldown_seconds: 0, severity: "critical" },
  {
    name: "Warm",
    metric_type: "heat",
    aggregation: "avg",
    window_size: 10,
    threshold: 60,
    recovery_threshold: 50,
    cooldown_seconds: 0,
  },
  {
    name: "Hot for long",
    metric_type: "heat",
    threshold: 100,
    for_seconds: 1,
    cooldown_seconds: 0,
    severity: "info",
  },
];

export async function createRules(api: Api, rules = heatRules): Promise<void> {
  for (const rule of rules) await api.post("/api/rules", rule);
}

/** Posts samples once; false when they are not acknowledged. */
export async function post(address: string, samples: readonly HeatSample[]): Promise<boolean> {
  try {
    const response = await fetch(`${address}/ingest/metrics`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(samples),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

const services = 24;
const interval_ms = 250;
/** Each service is hot for 2 s of each 15 s. */
const period = 60;
const hot = 8;

/**
 * A steady load of known samples: each of 24 services sends one every 250 ms, in order, again and
 * again until it is acknowledged. What is late is made up for.
 */
export class Load {
  readonly services: readonly string[];
  /** By sender: what was acknowledged, in order. */
  readonly #sent: HeatSample[][] = [];
  /** Posts that were not acknowledged. */
  refused = 0;
  readonly #began = Date.now();
  readonly #senders: Promise<void>[];
  #stopped = false;

  /** @param addresses where `ingest` is now; the services are spread over them */
  constructor(addresses: readonly (() => string)[]) {
    this.services = Array.from({ length: services }, (_, i) => `shop-${i}`);
    const senders = 4;
    this.#senders = Array.from({ length: senders }, (_, sender) => {
      const mine = this.services.flatMap((_, i) => i % senders === sender ? [i] : []);
      return this.#send(addresses[sender % addresses.length]!, mine, this.#sent[sender] = []);
    });
  }

  async #send(address: () => string, mine: readonly number[], sent: HeatSample[]): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const at = this.#began + n * interval_ms;
      if (at > Date.now()) await pause(at - Date.now());
      const batch = mine.map((i) => this.#sample(i, n, at));
      while (!await post(address(), batch)) {
        this.refused++;
        await pause(100);
      }
      sent.push(...batch);
    }
  }

  #sample(i: number, n: number, at: number): HeatSample {
    const phase = (n + 7 * i) % period;
    const noise = ((n * 7_919 + i * 104_729) % 1_000) / 100;
    return {
      id: `00000000-0000-4000-8000-${String(i * 1_000_000 + n).padStart(12, "0")}`,
      service_name: this.services[i]!,
      metric_type: "heat",
      value: (phase >= period - hot ? 150 : 40) + noise,
      timestamp: new Date(at).toISOString(),
    };
  }

  /** What was acknowledged: in order for each service. */
  get acknowledged(): HeatSample[] {
    return this.#sent.flat();
  }

  /** Sends no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#senders);
  }
}

export interface AlertRow {
  id: string;
  status: string;
  service_name: string;
  starts_at: string;
  ends_at?: string;
  fingerprint: string;
  labels: Record<string, string>;
}

/** All alerts that the API knows. */
export async function allAlerts(api: Api, query = ""): Promise<AlertRow[]> {
  const all: AlertRow[] = [];
  for (let page = 1;; page++) {
    const some = await api.get<AlertRow[]>(
      `/api/alerts?limit=100&page=${page}&sort=starts_at${query}`,
    );
    all.push(...some);
    if (some.length < 100) return all;
  }
}

/** Those samples of a load that the API does not know. */
async function missing(api: Api, load: Load): Promise<number> {
  const want = load.acknowledged;
  const have = new Set<string>();
  for (const service of load.services) {
    const samples = await api.get<{ timestamp: string; value: number }[]>(
      `/api/services/${service}/metrics?window=1h&metric_type=heat`,
    );
    for (const { timestamp, value } of samples) have.add(`${service} ${timestamp} ${value}`);
  }
  return want.filter(({ service_name, timestamp, value }) =>
    !have.has(`${service_name} ${timestamp} ${value}`)
  ).length;
}

/** An alert as two runs of one input must agree on it. */
const outcome = ({ id, status, starts_at, ends_at }: AlertRow) =>
  `${id} ${status} ${starts_at} ${ends_at ?? ""}`;

/** The alerts of the undisturbed run: one process on the embedded ports, the same input. */
async function undisturbed(load: Load): Promise<string[]> {
  const program = await startProgram({
    services: ["ingest", "analyzer", "alert-engine", "ui-backend"],
  });
  try {
    const api = await new Api(program.address("ui-backend")).login();
    await createRules(api);
    const samples = load.acknowledged;
    for (let i = 0; i < samples.length; i += 500) {
      assert(await post(program.address("ingest"), samples.slice(i, i + 500)));
    }
    await eventually(() => missing(api, load), (count) => count === 0);
    let before = "";
    const alerts = await eventually(() => allAlerts(api), (alerts) => {
      const now = alerts.map(outcome).sort().join("\n");
      const settled = now === before;
      before = now;
      return settled && alerts.length > 0;
    });
    // A sample that is stored was evaluated, but its alert may still be on its way.
    await pause(1_000);
    assert.equal((await allAlerts(api)).length, alerts.length);
    return (await allAlerts(api)).map(outcome);
  } finally {
    await program.stop();
    await Deno.remove(program.directory, { recursive: true });
  }
}

/** What was told to a receiver, in numbers. */
export interface Told {
  /** Different notifications. */
  notifications: number;
  /** Deliveries more than that. */
  again: number;
  /** What was told under two ids. */
  twice: string[];
  /** Label sets by the last that was said of them. */
  last: Map<string, { status: string; startsAt: string }>;
}

export function told(hook: Receiver): Told {
  const ids = new Map<string, Set<string>>();
  const last: Told["last"] = new Map();
  for (const { id, body } of hook.got) {
    for (const alert of body.alerts as (AlertRow & { startsAt: string })[]) {
      const what = `${alert.fingerprint} ${alert.startsAt} ${alert.status}`;
      ids.set(what, (ids.get(what) ?? new Set()).add(id));
      last.set(alert.fingerprint, alert);
    }
  }
  const different = new Set(hook.got.map(({ id }) => id)).size;
  return {
    notifications: different,
    again: hook.got.length - different,
    twice: [...ids].filter(([, of]) => of.size > 1).map(([what]) => what),
    last,
  };
}

/**
 * Holds what became of a load against its undisturbed run, and prints the numbers: nothing that was
 * acknowledged is lost, no alert is lost, other or too many, what was last told is true, and nothing
 * was told under two ids.
 */
export async function compare(
  name: string,
  { fleet, load, api, within = 60_000, more = "" }: {
    fleet: Fleet;
    load: Load;
    api: Api;
    /** How long what is on its way may take, milliseconds. */
    within?: number;
    /** More to print. */
    more?: string;
  },
): Promise<void> {
  const began = Date.now();
  const rest = () => Math.max(1_000, within - (Date.now() - began));
  const lost = await eventually(() => missing(api, load), (count) => count === 0, rest())
    .catch(() => missing(api, load));
  const expected = new Set(await undisturbed(load));
  const difference = async () => {
    const alerts = await allAlerts(api);
    const have = new Set(alerts.map(outcome));
    return {
      alerts,
      lost: [...expected].filter((one) => !have.has(one)),
      unexpected: [...have].filter((one) => !expected.has(one)),
    };
  };
  const same = ({ lost, unexpected }: Awaited<ReturnType<typeof difference>>) =>
    lost.length + unexpected.length === 0;
  const { alerts, ...different } = await eventually(difference, same, rest()).catch(difference);
  // The newest episode of each label set is what the receiver must believe, if it ever heard of it.
  const newest = new Map(alerts.map((alert) => [alert.fingerprint, alert]));
  const untold = () => {
    const { last } = told(fleet.hook);
    return [...newest.values()].filter(({ fingerprint, status, starts_at }) => {
      const said = last.get(fingerprint);
      if (status === "firing") return said?.status !== "firing" || said.startsAt !== starts_at;
      return said?.status === "firing";
    }).length;
  };
  const unsaid = await eventually(untold, (count) => count === 0, rest()).catch(untold);
  const { notifications, again, twice } = told(fleet.hook);
  console.log(
    `${name}: ${load.acknowledged.length} samples acknowledged (${load.refused} posts refused), ` +
      `${lost} lost; ${expected.size} alerts, ${different.lost.length} lost, ` +
      `${different.unexpected.length} unexpected; ${notifications} notifications, ${again} again, ` +
      `${unsaid} untold, ${twice.length} under two ids${more}; settled after ${
        ((Date.now() - began) / 1_000).toFixed(1)
      } s`,
  );
  assert.equal(lost, 0);
  assert.deepEqual(different, { lost: [], unexpected: [] });
  assert.equal(unsaid, 0);
  assert.deepEqual(twice, []);
}

/** The readable messages of a topic of a fleet, from the first on; `close` ends reading. */
export interface Reading<T> {
  readonly messages: T[];
  close(): Promise<void>;
}

/** Reads a topic beside the fleet. */
export async function readTopic<T>(
  kafka: Kafka,
  fleet: Fleet,
  topic: string,
): Promise<Reading<T>> {
  const broker = await openKafkaBroker({
    brokers: [kafka.plain],
    clientId: "test",
    topicPrefix: fleet.prefix,
    clock: systemClock,
    log: silentLog,
  });
  const messages: T[] = [];
  await broker.subscribe({ group: `reading-${crypto.randomUUID()}`, topic, max: 500 }, {
    async batch({ records }) {
      for (const { value } of records) {
        try {
          messages.push(JSON.parse(value));
        } catch {
          // Poison.
        }
      }
    },
  });
  return { messages, close: () => broker.close() };
}

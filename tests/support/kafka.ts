/** A real Kafka for tests: a process of its own on free ports, with a directory of its own. @module */
import kafkajs from "kafkajs";
import { type Proxy, startProxy } from "./proxy.ts";

const script = new URL("../../infra/kafka/kafka.sh", import.meta.url).pathname;

export interface Kafka {
  /** `host:port` of the listeners. */
  readonly plain: string;
  readonly sasl: string;
  readonly tls: string;
  readonly saslTls: string;
  /** Leads to it, and can go silent: its clients are told of no other way. */
  readonly proxy: Proxy;
  /** The certificate authority of the TLS listeners, as PEM text. */
  readonly ca: string;
  /** Ends it as an operator would. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again, with what it had. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

/** Users of the SASL listeners, as `infra/kafka/kafka.sh` makes them. */
export const users = {
  plain: { username: "plain-user", password: "plain-secret" },
  scram: { username: "scram-user", password: "scram-secret" },
};

/**
 * Starts a broker; the first start on a machine fetches its jars. With `acl` the users of the SASL
 * listeners may do what is `granted` to them, and nothing else.
 */
export async function startKafka({ acl = false } = {}): Promise<Kafka> {
  const data = await Deno.makeTempDir({ prefix: "eventflow-kafka-" });
  const port = freePorts(6);
  const proxy = startProxy(port + 5);
  const via = proxy.address.split(":")[1]!;
  const run = async (command: string) => {
    const { success, stdout, stderr } = await new Deno.Command(script, {
      args: [command],
      env: {
        KAFKA_PORT: String(port),
        KAFKA_DATA: data,
        KAFKA_HEAP: "384",
        KAFKA_VIA: via,
        KAFKA_ACL: acl ? "1" : "",
      },
    }).output();
    if (success) return;
    const text = new TextDecoder();
    throw new Error(`kafka.sh ${command} failed: ${text.decode(stdout)}${text.decode(stderr)}`);
  };
  await run("start");
  return {
    plain: `127.0.0.1:${port}`,
    sasl: `127.0.0.1:${port + 2}`,
    tls: `127.0.0.1:${port + 3}`,
    saslTls: `127.0.0.1:${port + 4}`,
    proxy,
    ca: await Deno.readTextFile(`${data}/tls/ca.pem`),
    stop: () => run("stop"),
    kill: () => run("kill"),
    start: () => run("start"),
    async close() {
      await run("wipe");
      await proxy.close();
    },
  };
}

/** What a user may do with the topics and groups whose names begin with a prefix. */
export interface Granted {
  readonly username: string;
  readonly prefix: string;
  readonly topics: readonly ("read" | "write" | "describe" | "create")[];
  readonly groups: readonly ("read" | "describe")[];
}

/** Grants rights, as whoever runs the cluster would; started with `acl`. */
export async function grant(kafka: Kafka, granted: Granted): Promise<void> {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const operations = {
    read: AclOperationTypes.READ,
    write: AclOperationTypes.WRITE,
    describe: AclOperationTypes.DESCRIBE,
    create: AclOperationTypes.CREATE,
  };
  const entry = (resourceType: number, operation: number) => ({
    resourceType,
    resourceName: granted.prefix,
    resourcePatternType: ResourcePatternTypes.PREFIXED,
    principal: `User:${granted.username}`,
    host: "*",
    operation,
    permissionType: AclPermissionTypes.ALLOW,
  });
  await asOperator(kafka, (admin) =>
    admin.createAcls({
      acl: [
        ...granted.topics.map((name) => entry(AclResourceTypes.TOPIC, operations[name])),
        ...granted.groups.map((name) => entry(AclResourceTypes.GROUP, operations[name])),
      ],
    }));
}

/** Does something with a cluster that only those may who run it. */
export async function asOperator<T>(
  kafka: Kafka,
  work: (admin: kafkajs.Admin) => Promise<T>,
): Promise<T> {
  const admin = new kafkajs.Kafka({ brokers: [kafka.plain], logLevel: kafkajs.logLevel.NOTHING })
    .admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** The first of some ports in a row that nobody listens on; below those that clients are given. */
function freePorts(count: number): number {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const listeners: Deno.Listener[] = [];
    try {
      for (let i = 0; i < count; i++) {
        listeners.push(Deno.listen({ hostname: "127.0.0.1", port: first + i }));
      }
      return first;
    } catch {
      // Taken: another try.
    } finally {
      for (const listener of listeners) listener.close();
    }
  }
}

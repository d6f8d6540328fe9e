/**
 * What can be known of the containers without a Docker engine: the Compose files are loaded by
 * Compose's own library, and the Dockerfile's instructions are carried out in order on the plain file
 * system until `deno compile` wants Deno's runtime base from the network. Needs Go and bash.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { ConfigError, readConfig, Variables } from "functions/config.ts";
import { services } from "functions/mod.ts";
import { attempt, command } from "tests/support/command.ts";
import { startProgram } from "tests/support/process.ts";

const root = new URL("../../", import.meta.url).pathname;
const config = readConfig({});
const ports = new Map(services(config).map(({ name, port }) => [name, port]));
/** Where people expect what is not a service of ours. */
const infrastructure = new Map([
  ["kafka", 9092],
  ["kafka-ui", 8080],
  ["redis", 6379],
  ["prometheus", 9090],
  ["grafana", 3000],
  ["jaeger", 16686],
]);

interface Project {
  services: Record<string, Container>;
  volumes: Record<string, unknown>;
}

interface Container {
  image: string;
  build?: { context: string; dockerfile: string };
  command: string[] | null;
  environment?: Record<string, string | null>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  ports: { target: number; published: string; host_ip: string }[];
  restart: string;
  volumes?: { type: string; source: string; target: string; read_only?: boolean }[];
  mem_limit?: string;
}

/** The project as `docker compose config` would see it, with this environment alone. */
async function compose(file: string, environment: Record<string, string> = {}): Promise<Project> {
  const inherited = Object.fromEntries(
    ["PATH", "HOME", "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOFLAGS", "GOSUMDB"]
      .flatMap((name) => Deno.env.get(name) ? [[name, Deno.env.get(name)!]] : []),
  );
  const text = await command("go", ["run", ".", root + file], {
    cwd: `${root}tests/support/compose`,
    env: { ...inherited, ...environment },
    clearEnv: true,
  });
  return JSON.parse(text);
}

function healthy(name: string, container: Container, project: Project): void {
  assert(container.healthcheck?.test.length, `${name} has no health check`);
  assert.equal(container.restart, "unless-stopped", name);
  assert(container.mem_limit, `${name} has no memory limit`);
  for (const [needed, { condition }] of Object.entries(container.depends_on ?? {})) {
    assert(project.services[needed]?.healthcheck, `${name} needs ${needed}, which has no check`);
    assert.equal(condition, "service_healthy", `${name} needs ${needed}`);
  }
  for (const volume of container.volumes ?? []) {
    if (volume.type === "volume") assert(volume.source in project.volumes, volume.source);
    else {
      assert(Deno.statSync(volume.source), volume.source);
      assert(volume.read_only, `${volume.source} can be written to by ${name}`);
    }
  }
  for (const { host_ip } of container.ports) assert.equal(host_ip, "127.0.0.1", name);
}

Deno.test("docker-compose.infra.yml is the infrastructure, pinned, checked and kept", async () => {
  const project = await compose("infra/docker-compose.infra.yml");
  assert.deepEqual(
    Object.keys(project.services).toSorted(),
    [...infrastructure.keys()].toSorted(),
  );
  for (const [name, container] of Object.entries(project.services)) {
    healthy(name, container, project);
    assert.match(container.image, /^[\w./-]+:v?\d+\.\d+\.\d+(-\w+)?$/, "exact version");
    const published = container.ports.map(({ published }) => Number(published));
    assert(published.includes(infrastructure.get(name)!), `${name} is on ${published}`);
  }
  const { environment } = project.services.kafka!;
  assert.match(environment!.KAFKA_ADVERTISED_LISTENERS!, /HOST:\/\/localhost:9092/);
  // Prometheus looks for the services on the host.
  const targets = project.services.prometheus!.volumes!.find(({ target }) =>
    basename(target) === "targets.yml"
  )!;
  assert.equal(basename(targets.source), "targets.host.yml");
});

Deno.test("docker-compose.yml has every service, from one image", async (t) => {
  const project = await compose("docker-compose.yml");
  assert.deepEqual(
    Object.keys(project.services).toSorted(),
    [...infrastructure.keys(), ...ports.keys()].toSorted(),
  );
  for (const [name, port] of ports) {
    await t.step(name, () => {
      const container = project.services[name]!;
      healthy(name, container, project);
      assert.equal(container.image, "eventflow:dev");
      assert.equal(join(container.build!.context, container.build!.dockerfile), dockerfile);
      assert.deepEqual(container.command, [name]);
      assert.deepEqual(container.ports.map(({ target }) => target), [port]);
      assert.deepEqual(container.healthcheck!.test, ["CMD", "healthcheck", String(port)]);
      const environment = container.environment as Record<string, string>;
      for (const variable of Object.keys(environment)) {
        assert(
          variable in Variables.shape || variable.startsWith("OTEL_"),
          `Who reads ${variable}?`,
        );
      }
      const { KAFKA_BROKERS, REDIS_URL, HOST } = readConfig(environment);
      assert.deepEqual(KAFKA_BROKERS, ["kafka:19092"]);
      assert.equal(REDIS_URL!.reveal(), "redis://redis:6379/0");
      assert.equal(HOST, "0.0.0.0");
    });
  }
  const targets = project.services.prometheus!.volumes!.find(({ target }) =>
    basename(target) === "targets.yml"
  )!;
  assert.equal(basename(targets.source), "targets.yml");
  const text = Deno.readTextFileSync(targets.source);
  for (const [name, port] of ports) assert(text.includes(`[${name}:${port}]`), name);
});

Deno.test("managed brokers and production are a matter of the environment", async () => {
  const managed = {
    ENVIRONMENT: "production",
    JWT_SECRET: "x".repeat(32),
    ADMIN_PASSWORD: "not the default",
    KAFKA_BROKERS: "one.kafka.test:9096,two.kafka.test:9096",
    KAFKA_SSL: "true",
    KAFKA_SASL_MECHANISM: "scram-sha-512",
    KAFKA_SASL_USERNAME: "eventflow",
    KAFKA_SASL_PASSWORD: "secret",
    REDIS_URL: "rediss://default:secret@redis.test:6380/0",
  };
  const { services } = await compose("docker-compose.yml", managed);
  for (const name of ports.keys()) {
    const config = readConfig(services[name]!.environment as Record<string, string>);
    assert.equal(config.KAFKA_SSL, true);
    assert.equal(config.KAFKA_SASL_MECHANISM, "scram-sha-512");
    assert.equal(config.KAFKA_BROKERS!.length, 2);
    assert.equal(config.REDIS_URL!.reveal(), managed.REDIS_URL);
  }
  // Nothing of development gets into production by default.
  const bare = await compose("docker-compose.yml", { ENVIRONMENT: "production" });
  assert.throws(
    () => readConfig(bare.services["ui-backend"]!.environment as Record<string, string>),
    ConfigError,
  );
});

Deno.test("healthcheck.sh succeeds where a service lives, and only there", async () => {
  const program = await startProgram({ services: ["auth"] });
  const { port } = new URL(program.address("auth"));
  try {
    await command(`${root}infra/healthcheck.sh`, [port]);
    await command(`${root}infra/healthcheck.sh`, [], { env: { HEALTHCHECK_PORT: port } });
  } finally {
    await program.stop();
    await Deno.remove(program.directory, { recursive: true });
  }
  assert.notEqual((await attempt(`${root}infra/healthcheck.sh`, [port])).code, 0);
  const broken = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("no", { status: 500 }),
  );
  assert.notEqual(
    (await attempt(`${root}infra/healthcheck.sh`, [String(broken.addr.port)])).code,
    0,
  );
  await broken.shutdown();
});

const dockerfile = `${root}infra/Dockerfile`;

interface Step {
  instruction: string;
  text: string;
}

function instructions(): Step[] {
  return Deno.readTextFileSync(dockerfile).replaceAll(/^#.*\n/gm, "").replaceAll("\\\n", " ")
    .split("\n").filter(Boolean).map((line) => {
      const [, instruction = "", text = ""] = line.match(/^([A-Z]+) (.*)$/) ?? [];
      return { instruction, text };
    });
}

/** The build's context: what .dockerignore lets through. */
async function context(to: string): Promise<void> {
  const lines = Deno.readTextFileSync(`${root}.dockerignore`).split("\n");
  assert(lines.includes("*"), "It begins with nothing");
  const kept = lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const dropped = lines.filter((line) => /^[\w*]/.test(line) && line !== "*");
  await command("tar", [
    "-cf",
    `${to}.tar`,
    ...dropped.map((pattern) => `--exclude=${pattern.replace(/^\*\*\//, "")}`),
    ...kept,
  ], { cwd: root });
  await Deno.mkdir(to);
  await command("tar", ["-xf", `${to}.tar`, "-C", to]);
}

Deno.test("the Dockerfile's instructions work in order, up to Deno's runtime base", async (t) => {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-image-" });
  try {
    await context(`${directory}/context`);
    // A stage is a folder; its absolute paths begin there.
    const stages = new Map<string, string>();
    const given = new Map<string, string>();
    let stage = "", workdir = "/", arguments_ = new Map<string, string>();
    const filled = (text: string) =>
      text.replaceAll(/\$\{(\w+)\}/g, (_all, name) => {
        const value = arguments_.get(name) ?? (stage ? undefined : given.get(name));
        assert(value !== undefined || given.has(name), `${name} is not set here`);
        return value ?? given.get(name)!;
      });
    const there = (path: string) => join(stage, path.startsWith("/") ? path : join(workdir, path));
    let compiled = 0;
    for (const { instruction, text } of instructions()) {
      await t.step(`${instruction} ${text}`, async () => {
        if (instruction === "ARG") {
          const [name = "", value = ""] = text.split("=");
          (stage ? arguments_ : given).set(name, value);
        } else if (instruction === "FROM") {
          const [, image = "", name = "final"] = filled(text).match(/^(\S+)(?: AS (\w+))?$/) ?? [];
          assert.match(image, /:\d+\.\d+/, "exact version");
          stage = join(directory, name);
          workdir = "/";
          arguments_ = new Map();
          stages.set(name, stage);
          await Deno.mkdir(stage, { recursive: true });
        } else if (instruction === "WORKDIR") {
          workdir = text;
          await Deno.mkdir(there("."), { recursive: true });
        } else if (instruction === "COPY") {
          const from = text.match(/--from=(\w+)/)?.[1];
          const paths = filled(text).split(" ").filter((part) => !part.startsWith("--"));
          const to = there(paths.at(-1)!);
          await Deno.mkdir(dirname(to), { recursive: true });
          for (const path of paths.slice(0, -1)) {
            const source = join(from ? stages.get(from)! : `${directory}/context`, path);
            await command("cp", ["-r", path === "." ? `${source}/.` : source, to]);
          }
        } else if (instruction === "RUN") {
          const env = Object.fromEntries(arguments_);
          const line = filled(text);
          const shell = (extra: Record<string, string>) =>
            attempt("sh", ["-c", line], { cwd: there("."), env: { ...env, ...extra } });
          if (!line.includes("deno task build")) {
            const { code, stderr } = await shell({});
            assert.equal(code, 0, stderr);
            return;
          }
          const plain = await shell({});
          if (plain.code !== 0) {
            // The known end here: every step before it, and Deno's own check of the code, worked.
            assert.match(plain.stderr, /denort/, plain.stderr);
            console.log("deno compile has no runtime base here; Deno itself stands in for it");
            const standIn = await shell({ DENORT_BIN: Deno.execPath() });
            assert.equal(standIn.code, 0, standIn.stderr);
          }
          const { size } = await Deno.stat(there("dist/eventflow"));
          assert(size > 50_000_000 && size < 250_000_000, `${size} bytes`);
          const embedded = await command("sh", [
            "-c",
            // What the binary will do about traces is in it, and cannot be changed later.
            `grep -a -o '"tracing_enabled":[a-z]*' dist/eventflow | head -n 1`,
          ], { cwd: there(".") });
          assert.equal(embedded.trim(), '"tracing_enabled":true');
          compiled++;
        } else if (instruction === "ENTRYPOINT") {
          const [program = ""] = JSON.parse(text) as string[];
          assert(Deno.statSync(join(stage, "usr/local/bin", program)).isFile);
        } else if (instruction === "HEALTHCHECK") {
          const [program = ""] = JSON.parse(text.slice(text.indexOf("["))) as string[];
          assert(Deno.statSync(join(stage, "usr/local/bin", program)).isFile);
        } else if (instruction === "USER") {
          assert.notEqual(text.split(":")[0], "0");
          assert.notEqual(text.split(":")[0], "root");
        } else assert(["ENV", "EXPOSE"].includes(instruction), `${instruction} is not known here`);
      });
    }
    assert.equal(compiled, 1);
    // Only the binary, its health check and an empty folder for data are added to the image.
    const files = await command("find", [".", "-type", "f"], { cwd: stages.get("final")! });
    assert.deepEqual(files.trim().split("\n").toSorted(), [
      "./usr/local/bin/eventflow",
      "./usr/local/bin/healthcheck",
    ]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

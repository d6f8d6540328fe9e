/**
 * The house rules, as a plugin of `deno lint`: who may import whom, one door for each package, and
 * time and chance through the context alone.
 *
 * @module
 */
type Layer = { of: RegExp; never: RegExp; because: string };

const adapters = /^shared\/(broker|store)\/(?!port\.ts)/;

/** What files of a folder must not import. */
const layers: readonly Layer[] = [
  {
    of: /^shared\/(model|time|define)\//,
    never: /^(functions\/|shared\/(runner|broker\/|detection|alerting|simulation|otlp|sqlite))/,
    because: "the model stands below everything",
  },
  {
    of: /^shared\/(detection|alerting|simulation|otlp)\//,
    never: /^(functions\/|node:(?!crypto|buffer)|shared\/(runner|broker|store|sqlite|telemetry))/,
    because: "the cores are pure",
  },
  {
    of: /^shared\/(broker|store|sqlite)\//,
    never: /^(functions\/|shared\/(runner|detection|alerting|simulation|otlp))/,
    because: "adapters know neither functions nor cores",
  },
  {
    of: /^shared\/runner\//,
    never: /^(functions\/|shared\/(detection|alerting|simulation|otlp))/,
    because: "the runner knows no product",
  },
  {
    of: /^functions\/[\w-]+\//,
    never: adapters,
    because: "functions reach the world through their context",
  },
  {
    of: /^fresh-dashboard\//,
    never: /^(functions\/|shared\/(?!model\/))/,
    because: "the dashboard stands on the API",
  },
];

/** The file or folder that alone may import a package. */
const doors: Record<string, RegExp> = {
  "@opentelemetry/api": /^shared\/telemetry\/trace\.ts$/,
  "chart.js": /^fresh-dashboard\/chart\//,
  croner: /^shared\/time\/cron\.ts$/,
  hono: /^shared\/runner\/http\.ts$/,
  ioredis: /^shared\/store\/redis\//,
  jose: /^functions\/ui-backend\/auth\/tokens\.ts$/,
  kafkajs: /^shared\/broker\/kafka\//,
  "node:sqlite": /^shared\/sqlite\/database\.ts$/,
  nodemailer: /^functions\/alert-engine\/dispatchers\/email\.ts$/,
  "prom-client": /^shared\/telemetry\/metrics\.ts$/,
  protobufjs: /^functions\/ingest\/otlp_proto\.ts$/,
  "swagger-ui-dist": /^shared\/runner\/swagger\.ts$/,
  yaml: /^shared\/alerting\/yaml\.ts$/,
};

/** Files that may touch the clock and timers of the machine. */
const timekeepers = /^(shared\/time\/clock\.ts|shared\/broker\/kafka\/|shared\/store\/redis\/)/;

/** The path of a file from the root of the project. */
function pathOf(filename: string): string {
  const root = new URL("../", import.meta.url).pathname;
  return filename.startsWith(root) ? filename.slice(root.length) : filename;
}

/** What an import names, as a path from the root or a package. */
function target(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function packageOf(specifier: string): string {
  const parts = specifier.replace(/^npm:\/?/, "").split("/");
  const name = parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
  return name.startsWith("@opentelemetry") ? specifier : name;
}

const source = /^(functions|shared|fresh-dashboard)\//;

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    layers: {
      create(context) {
        const path = pathOf(context.filename);
        return {
          ImportDeclaration(node) {
            const to = target(path, node.source.value);
            for (const { of, never, because } of layers) {
              // Another service's folder, whatever it is.
              const service = /^functions\/([\w-]+)\//;
              const [, own] = service.exec(path) ?? [];
              const [, other] = service.exec(to) ?? [];
              if (of.test(path) && never.test(to)) {
                context.report({ node, message: `${path} must not import ${to}: ${because}` });
              } else if (own && other && own !== other && of.source.startsWith("^functions")) {
                context.report({
                  node,
                  message:
                    `${path} must not import ${to}: services meet through topics and records`,
                });
              }
            }
          },
        };
      },
    },
    doors: {
      create(context) {
        const path = pathOf(context.filename);
        if (!source.test(path)) return {};
        return {
          ImportDeclaration(node) {
            const name = packageOf(node.source.value);
            const door = doors[name];
            if (door && !door.test(path)) {
              context.report({ node, message: `${name} has one door, which is not ${path}` });
            }
          },
        };
      },
    },
    "time-and-chance": {
      create(context) {
        const path = pathOf(context.filename);
        if (!/^(functions|shared)\//.test(path) || timekeepers.test(path)) return {};
        const message = "Time and chance come through the context";
        return {
          "CallExpression > MemberExpression"(node) {
            const name = context.sourceCode.getText(node);
            if (["Date.now", "Math.random", "performance.now"].includes(name)) {
              context.report({ node, message: `${message}, not from ${name}` });
            }
          },
          CallExpression(node) {
            const name = context.sourceCode.getText(node.callee);
            if (["setTimeout", "setInterval"].includes(name)) {
              context.report({ node, message: `${message}, not from ${name}` });
            }
          },
          NewExpression(node) {
            if (context.sourceCode.getText(node) === "new Date()") {
              context.report({ node, message: `${message}, not from new Date()` });
            }
          },
        };
      },
    },
  },
};

export default plugin;

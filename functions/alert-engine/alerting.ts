/** The alerting configuration of this process and the dispatchers that it names. @module */
import { readFileSync } from "node:fs";
import { type Config, ConfigError } from "functions/config.ts";
import { perProcess } from "functions/define.ts";
import {
  type AlertingConfig,
  AlertingConfigError,
  builtInConfig,
  type Integration,
  readAlertingConfig,
  sentence,
} from "shared/alerting/config.ts";
import type { Dispatcher, DispatcherKind, Means } from "./dispatchers/dispatcher.ts";
import * as kinds from "./dispatchers/mod.ts";

const dispatchers: readonly DispatcherKind[] = Object.values(kinds);

/** An integration that can be spoken to. */
export interface Reachable extends Integration {
  readonly dispatcher: Dispatcher;
}

export class Alerting {
  #config: AlertingConfig;
  #reachable: ReadonlyMap<string, Reachable>;
  /** @throws {AlertingConfigError} */
  constructor(
    readonly environment: Config,
    readonly kinds: readonly DispatcherKind[],
    readonly means: Means,
  ) {
    this.#config = load(environment, kinds).config;
    this.#reachable = this.#connect(this.#config);
  }

  current(): AlertingConfig {
    return this.#config;
  }

  /** The integration with a key; undefined when the configuration has it no more. */
  integration(key: string): Reachable | undefined {
    return this.#reachable.get(key);
  }

  /**
   * Reads the configuration again; a bad one changes nothing.
   *
   * @returns what in it has no effect
   * @throws {AlertingConfigError}
   */
  reload(): string[] {
    const { config, warnings } = load(this.environment, this.kinds);
    this.#reachable = this.#connect(config);
    this.#config = config;
    return warnings;
  }

  #connect({ receivers }: AlertingConfig): Map<string, Reachable> {
    const reachable = new Map<string, Reachable>();
    for (const integration of [...receivers.values()].flat()) {
      const kind = this.kinds.find(({ name }) => name === integration.channel)!;
      reachable.set(integration.key, {
        ...integration,
        dispatcher: kind.create(integration.entry, this.means),
      });
    }
    return reachable;
  }
}

export const alerting = perProcess((env) => new Alerting(env.config, dispatchers, env));

/**
 * Checks the alerting configuration at start.
 *
 * @returns what in it has no effect
 * @throws {ConfigError} naming the line and the rule of everything that is wrong
 */
export function checkAlerting(config: Config): { warnings: string[] } {
  try {
    const { warnings } = load(config, dispatchers);
    return { warnings: warnings.map((warning) => `ALERTING_CONFIG ${warning}`) };
  } catch (error) {
    if (!(error instanceof AlertingConfigError)) throw error;
    throw new ConfigError(error.problems.map((problem) => `ALERTING_CONFIG ${sentence(problem)}`));
  }
}

/** Where links in messages lead: the dashboard. */
export function externalUrl({ ALLOWED_ORIGINS, DASHBOARD_PORT }: Config): string {
  return ALLOWED_ORIGINS[0] ?? `http://localhost:${DASHBOARD_PORT}`;
}

function load(
  config: Config,
  kinds: readonly DispatcherKind[],
): { config: AlertingConfig; warnings: string[] } {
  if (config.ALERTING_CONFIG !== undefined) {
    return readAlertingConfig(readText(config.ALERTING_CONFIG), kinds);
  }
  const entries = kinds.flatMap((kind) =>
    (kind.fromEnvironment?.(config) ?? []).map((entry) => ({ channel: kind.name, entry }))
  );
  return {
    config: builtInConfig(entries),
    warnings: entries.length > 0
      ? []
      : ["is unset and no channel is: alerts are grouped but nobody is told"],
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new AlertingConfigError([{
      line: 1,
      path: "",
      message: `must be in a file that can be read: current value is "${path}"`,
    }], { cause });
  }
}

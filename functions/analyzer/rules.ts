/** The rules in force, ready for the hot path. @module */
import { type Env, perProcess } from "functions/define.ts";
import { compileRules, type RuleSet } from "shared/detection/rules.ts";
import { ruleKind } from "shared/model/kinds.ts";
import type { Rule } from "shared/model/rule.ts";
import type { StoreReader } from "shared/store/port.ts";
import type { Metrics } from "shared/telemetry/metrics.ts";

/** Records of one read. */
const page = 1_000;

/** The rules of one revision. */
export interface Rules {
  readonly rules: RuleSet;
  /** What they were compiled from. */
  readonly source: readonly Rule[];
}

/**
 * Keeps the compiled rules of a process. Each batch asks for the current ones, which is one cheap
 * read: so a rule takes effect on the next sample, in every replica.
 */
export class RuleBook {
  readonly #store: StoreReader;
  readonly #metrics: Metrics;
  #revision: number | undefined;
  #current: Rules = { rules: compileRules([]), source: [] };

  constructor({ store, metrics }: Pick<Env, "store" | "metrics">) {
    this.#store = store;
    this.#metrics = metrics;
  }

  /**
   * The rules as they are stored now; the same object as long as they are the same.
   *
   * @throws {Unavailable} when the store is away
   */
  async current(): Promise<Rules> {
    const revision = await this.#store.revision(ruleKind);
    if (revision === this.#revision) return this.#current;
    const source: Rule[] = [];
    for (let offset = 0;; offset += page) {
      const stored = await this.#store.list(ruleKind, { limit: page, offset });
      source.push(...stored.map(({ value }) => value));
      if (stored.length < page) break;
    }
    // Another partition may have read the same revision meanwhile: one object for all, so that no
    // series is attached twice. What changed during the read has a later revision, for the next batch.
    if (revision !== this.#revision) {
      this.#current = { rules: compileRules(source), source };
      this.#revision = revision;
      // The API lets none in that cannot be evaluated; one that came another way must be noticed.
      const errors = { function: "analyzer.rules", reason: "broken_rule" };
      const { broken } = this.#current.rules;
      if (broken.length > 0) this.#metrics.add("service_errors_total", errors, broken.length);
    }
    return this.#current;
  }
}

export const ruleBook: (env: Env) => RuleBook = perProcess((env) => new RuleBook(env));

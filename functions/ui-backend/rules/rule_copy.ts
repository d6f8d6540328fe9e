/** All rules in memory, read again when the store's revision says so. @module */
import { type Env, perProcess } from "functions/define.ts";
import { ruleKind } from "shared/model/kinds.ts";
import type { Rule } from "shared/model/rule.ts";
import { everything } from "../records.ts";

export class RuleCopy {
  readonly #store: Env["store"];
  #revision = -1;
  #rules: readonly Rule[] = [];

  constructor({ store }: Pick<Env, "store">) {
    this.#store = store;
  }

  /** The rules as they are in the store now, by when they were created. */
  async all(): Promise<readonly Rule[]> {
    const revision = await this.#store.revision(ruleKind);
    if (revision === this.#revision) return this.#rules;
    const rules = (await everything(this.#store, ruleKind)).map(({ value }) => value);
    if (revision > this.#revision) {
      this.#rules = rules;
      this.#revision = revision;
    }
    return rules;
  }
}

export const ruleCopy = perProcess((env) => new RuleCopy(env));

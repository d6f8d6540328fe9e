/** One rule: read by all, changed by administrators. */
import { page } from "fresh";
import { RulePage } from "../../components/RulePage.tsx";
import { define, may } from "../../define.ts";
import { known } from "../../lib/known.ts";
import { inputOf } from "../../lib/rules.ts";

export const handler = define.handlers({
  async GET({ state, params }) {
    const [rule, { services, metrics }] = await Promise.all([
      state.api.rule(params.id!),
      known(state.api),
    ]);
    return page({ rule, services, metrics });
  },
});

export default define.page<typeof handler>(({ data: { rule, ...known }, state }) => (
  <RulePage
    title={rule.name}
    rule={rule}
    draft={inputOf(rule)}
    mayChange={may(state.user, "admin")}
    {...known}
  />
));

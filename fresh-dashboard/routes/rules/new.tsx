/** A new rule, or a copy of one. */
import { HttpError, page } from "fresh";
import { define, may } from "../../define.ts";
import { RulePage } from "../../components/RulePage.tsx";
import { known } from "../../lib/known.ts";
import { inputOf } from "../../lib/rules.ts";
import * as text from "../../text.ts";

export const handler = define.handlers({
  async GET({ state, url }) {
    if (!may(state.user, "admin")) throw new HttpError(403, text.ruleForm.readOnly);
    const from = url.searchParams.get("from");
    const [{ services, metrics }, original] = await Promise.all([
      known(state.api),
      from ? state.api.rule(from) : undefined,
    ]);
    const draft = original
      ? { ...inputOf(original), name: text.ruleForm.copyOf(original.name).slice(0, 200) }
      : { service_name: "*", type: "threshold" as const };
    return page({ draft, services, metrics });
  },
});

export default define.page<typeof handler>(({ data }) => (
  <RulePage title={text.ruleForm.newTitle} mayChange {...data} />
));

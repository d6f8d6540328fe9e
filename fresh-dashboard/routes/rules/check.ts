/** What is wrong with a rule that is being written, in the API's own words; changes nothing. */
import { RuleInput } from "shared/model/rule.ts";
import { checkRule } from "shared/model/rule_check.ts";
import { define } from "../../define.ts";

export const handler = define.handlers({
  async POST({ req }) {
    let body: unknown;
    try {
      body = await req.json();
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return Response.json({ success: false, error: "Not JSON", code: "invalid_body" }, {
        status: 400,
      });
    }
    const read = RuleInput.safeParse(body);
    const data = read.success
      ? checkRule(body as RuleInput)
      : read.error.issues.map(({ path, message }) => ({
        path: path.map(String).join("."),
        message,
      }));
    return Response.json({ success: true, data });
  },
});

/** Keeps the appearance that somebody chose, and goes back to where they were. */
import { define, type Theme } from "../define.ts";
import { writeCookie } from "../session/cookies.ts";
import { localPath } from "../session/origin.ts";

const themes: readonly Theme[] = ["system", "light", "dark"];

export const handler = define.handlers({
  async POST(ctx) {
    const { req, state } = ctx;
    const form = await req.formData();
    const theme = themes.find((one) => one === form.get("theme")) ?? "system";
    const kept = theme === "system" ? undefined : theme;
    state.cookies.push(writeCookie("theme", kept, state.site.production));
    const back = form.get("back");
    return ctx.redirect(localPath(typeof back === "string" ? back : null), 303);
  },
});

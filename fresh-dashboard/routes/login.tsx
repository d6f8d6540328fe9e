/** The login page: takes the credentials, gives cookies. It ships no script. */
import { page } from "fresh";
import { Head } from "fresh/runtime";
import { Brand } from "../components/Brand.tsx";
import { Icon } from "../components/Icon.tsx";
import { ThemeChoice } from "../components/ThemeChoice.tsx";
import { define } from "../define.ts";
import { ApiError, call } from "../lib/api.ts";
import { localPath } from "../session/origin.ts";
import { sessionCookies, type Tokens } from "../session/session.ts";
import * as text from "../text.ts";

const { login } = text;

interface Attempt {
  username: string;
  problem?: string;
}

export const handler = define.handlers<Attempt>({
  GET: () => page({ username: "" }),
  async POST(ctx) {
    const { req, url, state } = ctx;
    const form = await req.formData();
    const username = textOf(form.get("username")).trim();
    const password = textOf(form.get("password"));
    const refuse = (problem: string, status: number) => page({ username, problem }, { status });
    if (!username || !password) return refuse(login.missing, 422);
    try {
      const body = { username, password };
      const from = ctx.info.remote;
      const { data } = await call<Tokens>(state.site, "POST", "/api/auth/login", { body, from });
      state.cookies.push(...sessionCookies(data, state.site));
      return ctx.redirect(localPath(url.searchParams.get("next")), 303);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 429) return refuse(login.tooMany(error.retryAfter_s ?? 60), 429);
      if (error.status >= 500) return refuse(login.away, 503);
      return refuse(login.wrong, 401);
    }
  },
});

function textOf(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}

export default define.page<typeof handler>(({ data: { username, problem }, state, url }) => (
  <main class="grid min-h-dvh grid-rows-[1fr_auto] px-4">
    <Head>
      <title>{text.title(login.title)}</title>
    </Head>
    <div class="mx-auto flex w-full max-w-sm flex-col justify-center py-12">
      <Brand />
      <h1 class="mt-8 text-2xl font-semibold tracking-tight text-ink">{login.title}</h1>
      <p class="mt-1 text-balance text-ink-2">{login.lead}</p>
      <form method="post" class="mt-6 grid gap-4" novalidate>
        {problem && (
          <p
            role="alert"
            id="problem"
            class="flex gap-2 rounded-md bg-critical-soft px-3 py-2 text-sm text-critical"
          >
            <Icon name="critical" class="mt-0.5 size-4" />
            {problem}
          </p>
        )}
        <label class="grid gap-1.5 text-sm font-medium text-ink">
          {login.username}
          <input
            class="input"
            name="username"
            value={username}
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            maxlength={64}
            required
            autofocus={!username}
            aria-describedby={problem && "problem"}
          />
        </label>
        <label class="grid gap-1.5 text-sm font-medium text-ink">
          {login.password}
          <input
            class="input"
            name="password"
            type="password"
            autocomplete="current-password"
            maxlength={1024}
            required
            autofocus={username !== ""}
            aria-describedby={problem && "problem"}
          />
        </label>
        <button type="submit" class="button button-strong mt-2 h-10">{login.submit}</button>
      </form>
    </div>
    <footer class="mx-auto w-full max-w-xs pb-6">
      <ThemeChoice theme={state.theme} back={url.pathname + url.search} />
    </footer>
  </main>
));

export const config = { skipInheritedLayouts: true };

/** What is shown when a page cannot be. */
import { HttpError } from "fresh";
import { Head } from "fresh/runtime";
import type { IconName } from "../components/Icon.tsx";
import { Problem } from "../components/Problem.tsx";
import { define } from "../define.ts";
import { ApiError } from "../lib/api.ts";
import * as text from "../text.ts";

const { errors } = text;

export default define.page(({ error, req, url }) => {
  const status = error instanceof HttpError ? error.status : 500;
  const { icon, title, lead } = problem(error, status);
  const again = status >= 500 && req.method === "GET";
  return (
    <>
      <Head>
        <title>{text.title(title)}</title>
      </Head>
      <Problem
        icon={icon}
        code={errors.code(status)}
        title={title}
        lead={lead}
        {...(error instanceof HttpError && status < 500 && error.message !== `HTTP ${status}`
          ? { detail: error.message }
          : {})}
      >
        {again && (
          <a class="button button-strong" href={url.pathname + url.search}>{errors.retry}</a>
        )}
        <a class={again ? "button" : "button button-strong"} href="/">{errors.home}</a>
      </Problem>
    </>
  );
});

function problem(
  error: unknown,
  status: number,
): { icon: IconName; title: string; lead: string } {
  if (status === 404) return { icon: "info", ...errors.notFound };
  if (status === 403) return { icon: "down", ...errors.forbidden };
  if (error instanceof ApiError && error.code === "backend_away") {
    return { icon: "unplugged", ...errors.away };
  }
  return { icon: "warning", ...errors.failed };
}

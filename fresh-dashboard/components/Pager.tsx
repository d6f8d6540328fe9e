/** Which part of a list is shown, and the way to the others: links. @module */
import * as text from "../text.ts";

export function Pager({ page, limit, total, href }: {
  page: number;
  limit: number;
  total: number;
  href: (page: number) => string;
}) {
  const pages = Math.max(1, Math.ceil(total / limit));
  const from = Math.min(total, (page - 1) * limit + 1);
  const near = [...new Set([1, page - 1, page, page + 1, pages])]
    .filter((one) => one >= 1 && one <= pages);
  return (
    <nav
      aria-label={text.list.pages}
      class="flex flex-wrap items-center justify-between gap-3 text-sm text-ink-3"
    >
      <p class="tabular-nums">
        {text.list.range(from, Math.min(total, page * limit), total)}
      </p>
      {pages > 1 && (
        <ul class="flex items-center gap-1">
          {near.map((one, i) => (
            <li key={one} class="flex items-center gap-1">
              {i > 0 && one - near[i - 1]! > 1 && <span aria-hidden="true">…</span>}
              <a
                href={href(one)}
                aria-label={text.list.page(one, pages)}
                aria-current={one === page ? "page" : undefined}
                rel={one === page + 1 ? "next" : one === page - 1 ? "prev" : undefined}
                class="grid h-8 min-w-8 place-items-center rounded-md px-2 text-ink-2 tabular-nums
                  hover:bg-hover hover:text-ink aria-[current]:bg-hover aria-[current]:font-medium
                  aria-[current]:text-ink"
              >
                {one.toLocaleString("en")}
              </a>
            </li>
          ))}
        </ul>
      )}
    </nav>
  );
}

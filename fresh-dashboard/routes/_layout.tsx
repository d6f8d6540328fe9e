/** The frame of every page: a bar with the navigation, at the side or at the top and bottom. */
import { Brand } from "../components/Brand.tsx";
import { Icon } from "../components/Icon.tsx";
import { UserMenu } from "../components/UserMenu.tsx";
import { define } from "../define.ts";
import Keyboard from "../islands/Keyboard.tsx";
import LiveBadge from "../islands/LiveBadge.tsx";
import * as text from "../text.ts";

const pages = [
  { href: "/", icon: "overview", label: text.nav.overview },
  { href: "/services", icon: "services", label: text.nav.services },
  { href: "/alerts", icon: "alerts", label: text.nav.alerts },
  { href: "/rules", icon: "rules", label: text.nav.rules },
] as const;

export default define.layout(({ Component, state, url }) => {
  if (!state.user) return <Component />;
  const back = url.pathname + url.search;
  return (
    <div class="min-h-dvh lg:grid lg:grid-cols-[15rem_minmax(0,1fr)]">
      <a
        href="#content"
        class="fixed top-2 left-2 z-30 -translate-y-20 rounded-md bg-accent-strong px-3 py-2 text-sm
          text-white focus:translate-y-0"
      >
        {text.skip}
      </a>
      <header class="sticky top-0 z-20 flex h-14 items-center gap-3 border-b border-line bg-canvas px-4
          lg:h-dvh lg:flex-col lg:items-stretch lg:gap-6 lg:border-r lg:border-b-0 lg:p-3">
        <a href="/" class="flex rounded-md lg:px-2 lg:pt-2">
          <Brand />
        </a>
        <nav
          aria-label={text.nav.label}
          class="fixed inset-x-0 bottom-0 z-20 grid grid-cols-4 border-t border-line bg-canvas
            pb-[env(safe-area-inset-bottom)] lg:static lg:flex lg:flex-col lg:gap-0.5 lg:border-0"
        >
          {pages.map(({ href, icon, label }) => (
            <a
              key={href}
              href={href}
              aria-current={isCurrent(href, url.pathname) ? "page" : undefined}
              class="flex flex-col items-center gap-1 rounded-md px-2 py-2 text-xs text-ink-2
                hover:text-ink aria-[current]:font-medium aria-[current]:text-accent lg:flex-row
                lg:gap-2.5 lg:py-1.5 lg:text-sm lg:hover:bg-hover lg:aria-[current]:bg-hover
                lg:aria-[current]:text-ink"
            >
              <Icon name={icon} class="size-5 lg:size-4" />
              {label}
            </a>
          ))}
        </nav>
        <div class="ml-auto flex items-center gap-2 lg:mt-auto lg:ml-0 lg:flex-col lg:items-stretch lg:gap-3">
          <div class="lg:px-2">
            <LiveBadge back={back} />
          </div>
          <Keyboard />
          <UserMenu user={state.user} theme={state.theme} back={back} />
        </div>
      </header>
      <main id="content" tabIndex={-1} class="min-w-0 pb-20 outline-none lg:pb-0">
        <Component />
      </main>
    </div>
  );
});

function isCurrent(href: string, pathname: string): boolean {
  return href === "/" ? pathname === "/" : `${pathname}/`.startsWith(`${href}/`);
}

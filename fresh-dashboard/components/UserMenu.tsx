/** Who is signed in, the appearance, and the way out. Opens without scripts. @module */
import type { Theme } from "../define.ts";
import type { User } from "../session/session.ts";
import * as text from "../text.ts";
import { Icon } from "./Icon.tsx";
import { ThemeChoice } from "./ThemeChoice.tsx";

export function UserMenu({ user, theme, back }: { user: User; theme: Theme; back: string }) {
  return (
    <>
      <button
        type="button"
        popovertarget="user-menu"
        class="flex min-w-0 items-center gap-2 rounded-md p-1.5 text-left hover:bg-hover lg:w-full"
      >
        <span
          class="grid size-7 shrink-0 place-items-center rounded-full bg-accent-soft text-xs
            font-semibold text-accent uppercase"
          aria-hidden="true"
        >
          {[...user.username][0]}
        </span>
        <span class="sr-only">{text.user.menu}</span>
        <span class="sr-only min-w-0 flex-1 lg:not-sr-only">
          <bdi class="block truncate text-sm font-medium text-ink">{user.username}</bdi>
          <span class="block text-xs text-ink-3">{text.user.roles[user.role]}</span>
        </span>
        <Icon name="chevron" class="hidden size-4 text-ink-3 lg:block lg:rotate-180" />
      </button>
      <div
        id="user-menu"
        popover="auto"
        class="fixed inset-auto top-14 right-3 m-0 w-64 rounded-lg border border-line bg-raised p-2
          text-ink shadow-lifted lg:top-auto lg:right-auto lg:bottom-16 lg:left-3"
      >
        <p class="px-2 pt-1 pb-2 text-xs text-ink-3">
          {text.user.signedInAs}
          <bdi class="block truncate text-sm font-medium text-ink">{user.username}</bdi>
          {text.user.roles[user.role]}
        </p>
        <ThemeChoice theme={theme} back={back} />
        <form method="post" action="/logout" class="mt-2 border-t border-line pt-2">
          <button
            type="submit"
            class="flex w-full items-center gap-2 rounded-md px-2 py-1.5 text-sm text-ink-2
              hover:bg-hover hover:text-ink"
          >
            <Icon name="out" />
            {text.user.signOut}
          </button>
        </form>
      </div>
    </>
  );
}

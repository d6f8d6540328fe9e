/**
 * The keyboard of every list, and what it can do. Knows pages by their marks: `data-search`,
 * `data-row` with a `data-open` link in it, and `data-key` for what a key presses, in the row that
 * has the focus or else anywhere.
 */
import { useEffect, useRef } from "preact/hooks";
import { busy } from "../live/request.ts";
import * as text from "../text.ts";

export default function Keyboard() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (event.key === "Escape" && target.dataset.search !== undefined) return target.blur();
      if (isTyping(target) || document.querySelector("dialog[open]")) return;
      if (act(event.key, target, dialog.current!)) event.preventDefault();
    };
    // The page stays until the next one is there.
    const leave = () => void busy();
    const kept = ({ persisted }: PageTransitionEvent) => {
      if (persisted) delete document.documentElement.dataset.busy;
    };
    addEventListener("keydown", press);
    addEventListener("beforeunload", leave);
    addEventListener("pageshow", kept);
    return () => {
      removeEventListener("keydown", press);
      removeEventListener("beforeunload", leave);
      removeEventListener("pageshow", kept);
    };
  }, []);
  return (
    <>
      <button
        type="button"
        class="hidden rounded-md px-2 py-1 text-left text-xs text-ink-3 hover:bg-hover hover:text-ink lg:block"
        onClick={() => dialog.current!.showModal()}
      >
        <kbd class="kbd mr-1.5">?</kbd>
        {text.keys.open}
      </button>
      <dialog ref={dialog} class="dialog" aria-labelledby="keys-title">
        <div class="flex items-center justify-between gap-4">
          <h2 id="keys-title" class="text-lg font-semibold text-ink">{text.keys.title}</h2>
          <form method="dialog">
            <button type="submit" class="button button-small">{text.keys.close}</button>
          </form>
        </div>
        <dl class="mt-4 grid grid-cols-[auto_1fr] items-center gap-x-4 gap-y-2 text-sm">
          {text.keys.all.map(([key, does]) => (
            <>
              <dt>
                <kbd class="kbd">{key}</kbd>
              </dt>
              <dd class="text-ink-2">{does}</dd>
            </>
          ))}
        </dl>
      </dialog>
    </>
  );
}

function isTyping(element: HTMLElement): boolean {
  return element.isContentEditable || element.matches("textarea, select") ||
    element.matches("input:not([type=checkbox], [type=radio], [type=button], [type=submit])");
}

/** Whether the key meant something here. */
function act(key: string, target: HTMLElement, dialog: HTMLDialogElement): boolean {
  if (key === "?") {
    dialog.showModal();
    return true;
  }
  if (key === "/") return focus(document.querySelector("[data-search]"));
  const row = target.closest("[data-row]");
  if (key === "j" || key === "k") {
    const all = [...document.querySelectorAll("[data-row]")];
    const at = row ? all.indexOf(row) : -1;
    const next = key === "j" ? all[at + 1] : all[at < 0 ? all.length - 1 : at - 1];
    return focus(next?.querySelector("[data-open]"));
  }
  if (!/^[a-z]$/.test(key)) return false;
  const pressed = (row ?? document).querySelector<HTMLElement>(`[data-key="${key}"]`) ??
    document.querySelector<HTMLElement>(`main [data-key="${key}"]:not([data-row] *)`);
  // Without a row in hand a key of rows would take the first one.
  if (!pressed || (!row && pressed.closest("[data-row]"))) return false;
  if (pressed.matches("textarea, input:not([type=checkbox])")) return focus(pressed);
  pressed.click();
  return true;
}

function focus(element: Element | null | undefined): boolean {
  if (!(element instanceof HTMLElement)) return false;
  element.focus();
  element.scrollIntoView({ block: "nearest" });
  if (element instanceof HTMLInputElement) element.select();
  return true;
}

/** What pages and islands may use on both sides. @module */
import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";

/** Whether this code runs in a browser. */
export const IS_BROWSER = typeof document !== "undefined";

/** Of the page that is being rendered; absent in the browser. */
export const PageContext = createContext<{ head: ComponentChildren[] } | null>(null);

/** Puts its children into the document's head; on the server only. */
export function Head({ children }: { children: ComponentChildren }): null {
  useContext(PageContext)?.head.push(children);
  return null;
}

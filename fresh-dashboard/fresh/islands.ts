/**
 * Islands on the server: which components they are, and how they are marked in the page so that the
 * browser can go on with them.
 *
 * @module
 */
import { type ComponentType, createContext, Fragment, h, options, type VNode } from "preact";
import { useContext } from "preact/hooks";
import { renderToString } from "preact-render-to-string";
import type { Assets } from "./assets.ts";
import { writeProps } from "./props.ts";
import { PageContext } from "./runtime.ts";

/** What the browser is told. */
export interface PageData {
  /** Addresses of the islands' modules. */
  modules: string[];
  islands: { module: number; name: string; props: object }[];
}

interface Island {
  /** Its file, relative to the app, e.g. `islands/LiveBadge.tsx`. */
  file: string;
  /** Its export. */
  name: string;
}

const known = new Map<unknown, Island>();
const Rendering = createContext<{ files: string[]; islands: PageData["islands"] } | null>(null);
let plain = false;

/** Makes islands of what a module exports. */
export function addIslands(file: string, module: Record<string, unknown>): void {
  for (const [name, component] of Object.entries(module)) {
    if (typeof component === "function") known.set(component, { file, name });
  }
}

const before = options.vnode;
options.vnode = (vnode) => {
  if (!plain && known.has(vnode.type)) {
    const { type, props } = vnode;
    vnode.type = Marked as ComponentType;
    vnode.props = { type, given: props } as unknown as typeof props;
  }
  before?.(vnode);
};

/** An island within an island is part of it; so is one that nobody collects. */
function Marked({ type, given }: { type: ComponentType<object>; given: object }): VNode {
  const rendering = useContext(Rendering);
  plain = true;
  const content = h(type, given);
  plain = false;
  if (!rendering) return content;
  const { file, name } = known.get(type)!;
  if (!rendering.files.includes(file)) rendering.files.push(file);
  const module = rendering.files.indexOf(file);
  const n = rendering.islands.push({ module, name, props: given }) - 1;
  const children = h(Rendering.Provider, { value: null, children: content });
  return h("fresh-island", { "data-n": n, children }) as VNode;
}

/** A whole document as text, with the styles and, where it has islands, the scripts it needs. */
export function renderDocument(document: VNode, assets: Assets): string {
  const rendering = { files: [], islands: [] };
  const page = { head: [] };
  const children = h(Rendering.Provider, { value: rendering, children: document });
  const html = renderToString(h(PageContext.Provider, { value: page, children }));
  const loaded = assets(rendering.files);
  const data: PageData = { modules: loaded.modules, islands: rendering.islands };
  const head = renderToString(h(Fragment, null, ...page.head)) + loaded.head;
  const tail = rendering.islands.length === 0
    ? loaded.tail
    : `<script type="application/json" id="fresh-islands">${writeProps(data)}</script>` +
      loaded.tail;
  // The first and the last are our own: what was rendered between them is escaped.
  const headEnd = html.indexOf("</head>");
  const bodyEnd = html.lastIndexOf("</body>");
  return "<!DOCTYPE html>" + html.slice(0, headEnd) + head + html.slice(headEnd, bodyEnd) + tail +
    html.slice(bodyEnd);
}

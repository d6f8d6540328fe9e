/** Brings the islands of a page to life: the browser's entry. @module */
import { type ComponentType, h, hydrate } from "preact";
import type { PageData } from "./islands.ts";
import { readProps } from "./props.ts";

const { modules, islands } = readProps(
  document.getElementById("fresh-islands")!.textContent!,
) as PageData;
const loading = modules.map((url): Promise<Record<string, ComponentType<object>>> =>
  import(/* @vite-ignore */ url)
);
document.querySelectorAll<HTMLElement>("fresh-island").forEach(async (element) => {
  const { module, name, props } = islands[Number(element.dataset.n)]!;
  hydrate(h((await loading[module]!)[name]!, props), element);
});

/** What a set of services must satisfy before it may start. @module */
import type { Service } from "shared/define/mod.ts";
import { alertsDlq } from "shared/model/topics.ts";

/**
 * The loose ends of all services together, each a sentence; none when they may start. Looks at the
 * whole product, also when a process runs a part of it.
 */
export function looseEnds(services: readonly Service[]): string[] {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  const consumed = new Map<string, string>();
  // The stack itself emits dead letters.
  const produced = new Map<string, string>([[alertsDlq.name, "the stack"]]);
  const routes = new Map<string, string>();
  for (const service of services) {
    for (const fn of service.functions) {
      const other = seen.get(fn.name);
      if (other) {
        problems.push(`Two functions are named "${fn.name}": in ${other} and ${service.name}`);
      }
      seen.set(fn.name, service.name);
      for (const topic of fn.emits) produced.set(topic.name, fn.name);
      if (fn.on.kind === "topic") consumed.set(fn.on.topic.name, fn.name);
      if (fn.on.kind === "http") {
        const route = `${service.name} ${fn.on.method} ${fn.on.path}`;
        if (routes.has(route)) {
          problems.push(`Two functions answer "${route}": ${routes.get(route)} and ${fn.name}`);
        }
        routes.set(route, fn.name);
      }
    }
  }
  for (const [topic, fn] of consumed) {
    if (!produced.has(topic)) problems.push(`${fn} consumes "${topic}", which nothing produces`);
  }
  for (const [topic, fn] of produced) {
    if (!consumed.has(topic)) problems.push(`${fn} produces "${topic}", which nothing consumes`);
  }
  return problems;
}

/** Which routes an alert takes, and into which group of each it goes. @module */
import type { Labels } from "shared/model/labels.ts";
import { matches } from "shared/model/matcher.ts";
import type { Route } from "./config.ts";

/** Where an alert goes. */
export interface Routed {
  readonly route: Route;
  /** The labels that its group has in common by the route's `group_by`. */
  readonly labels: Labels;
  /** Identity of the group, as Alertmanager writes it: `{}/{team="db"}:{service="orders"}`. */
  readonly key: string;
}

/**
 * The routes that an alert takes: the deepest that match; a route that matches hides its later
 * siblings unless it has `continue`, and a route none of whose children match is taken itself.
 */
export function routeAlert(root: Route, labels: Labels): Routed[] {
  return matchingRoutes(root, labels).map((route) => {
    const common = groupLabels(route, labels);
    return { route, labels: common, key: groupKey(route, common) };
  });
}

function matchingRoutes(route: Route, labels: Labels): Route[] {
  if (!matches(route.matchers, labels)) return [];
  const found: Route[] = [];
  for (const child of route.routes) {
    const below = matchingRoutes(child, labels);
    found.push(...below);
    if (below.length > 0 && !child.continue) break;
  }
  return found.length > 0 ? found : [route];
}

function groupLabels(route: Route, labels: Labels): Labels {
  if (route.group_by === "all") return labels;
  const common: Record<string, string> = {};
  for (const name of route.group_by) {
    if (Object.hasOwn(labels, name)) common[name] = labels[name]!;
  }
  return common;
}

function groupKey(route: Route, labels: Labels): string {
  const pairs = Object.keys(labels).sort().map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return `${route.key}:{${pairs.join(", ")}}`;
}

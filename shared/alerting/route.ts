/** Which routes an alert takes, and into which group of each it goes. @module */
import type { Labels } from "shared/model/labels.ts";
import { matches } from "shared/model/matcher.ts";
import type { Alert } from "shared/model/alert.ts";
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

/** A group, as far as routing goes. */
interface Routable {
  readonly key: string;
  readonly alerts: Readonly<Record<string, Alert>>;
}

/**
 * Where the alerts of a group belong by now: those that are still its own, and the groups beside it
 * that what fires goes to.
 */
export function placesOf(
  { key, alerts }: Routable,
  root: Route,
): { own: Record<string, Alert>; others: { alert: Alert; to: Routed }[] } {
  const own: Record<string, Alert> = {};
  const others: { alert: Alert; to: Routed }[] = [];
  for (const [fingerprint, alert] of Object.entries(alerts)) {
    for (const to of routeAlert(root, alert.labels)) {
      if (to.key === key) own[fingerprint] = alert;
      else if (alert.status === "firing") others.push({ alert, to });
    }
  }
  return { own, others };
}

/** Whether a group has alerts that belong elsewhere, alone or as well. */
export function goesElsewhere(group: Routable, root: Route): boolean {
  const { own, others } = placesOf(group, root);
  return others.length > 0 || Object.keys(own).length < Object.keys(group.alerts).length;
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
  const common: Record<string, string> = {};
  for (const name of route.group_by === "all" ? Object.keys(labels) : route.group_by) {
    // An empty label equals a missing one.
    if (Object.hasOwn(labels, name) && labels[name] !== "") common[name] = labels[name]!;
  }
  return common;
}

function groupKey(route: Route, labels: Labels): string {
  const pairs = Object.keys(labels).sort().map((name) => `${name}=${JSON.stringify(labels[name])}`);
  return `${route.key}:{${pairs.join(", ")}}`;
}

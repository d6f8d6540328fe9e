/**
 * All alerts in memory, without their explanations: lists and counts over 10,000 alerts are a scan,
 * not 10,000 reads. A copy: it looks at the store's revision before each answer, and reads what
 * changed since.
 *
 * @module
 */
import { type Env, perProcess } from "functions/define.ts";
import type { Alert } from "shared/model/alert.ts";
import { alertKind } from "shared/model/kinds.ts";
import { severities } from "shared/model/wire.ts";
import { type AlertSummary, keep_ms, summary } from "./alert_record.ts";
import { everything, timelineKind } from "../records.ts";
import type { FiringCounts } from "../services/service_view.ts";

/** How far the clocks of those who write alerts may differ. */
const skew_ms = 60_000;
/** After this long everything is read again, whatever the clocks did. */
const reread_ms = 10 * 60_000;
const page = 1_000;

/** An alert and what filters and orders look at, read once. */
export interface IndexedAlert {
  readonly alert: AlertSummary;
  /** Epoch milliseconds. */
  readonly starts: number;
  /** Epoch milliseconds of `timestamp`. */
  readonly at: number;
  readonly severity: number;
  /** What a search looks through, lower case. */
  readonly text: string;
}

/** Reads an alert into what filters and orders look at. */
export function indexed(alert: Alert): IndexedAlert {
  const { title, description, message, service_name, type, metric_type, id, labels } = alert;
  const words = [title, description, message, service_name, type, metric_type, id];
  return {
    alert: summary(alert),
    starts: Date.parse(alert.starts_at),
    at: Date.parse(alert.timestamp),
    severity: severities.indexOf(alert.severity),
    text: [...words, ...Object.values(labels)].join("\n").toLowerCase(),
  };
}

type Listener = (before: AlertSummary | undefined, after: AlertSummary) => void;

export class AlertIndex {
  readonly #store: Env["store"];
  readonly #now: () => number;
  #alerts = new Map<string, IndexedAlert>();
  #revision = -1;
  #changedUpTo = 0;
  #readAt = -Infinity;
  /** Versions of the timelines that changed of late: what is known needs no second look. */
  #recent = new Map<string, number>();
  #loading: Promise<void> | undefined;
  readonly #listeners = new Set<Listener>();

  constructor({ store, clock }: Pick<Env, "store" | "clock">) {
    this.#store = store;
    this.#now = () => clock.now();
  }

  /** The alerts as they are in the store now, in no order. */
  async all(): Promise<IndexedAlert[]> {
    const revision = await this.#store.revision(alertKind);
    while (this.#revision < revision) {
      await (this.#loading ??= this.#load().finally(() => this.#loading = undefined));
    }
    const kept = this.#now() - keep_ms;
    return [...this.#alerts.values()].filter(({ alert, at }) =>
      alert.status === "firing" || at > kept
    );
  }

  /** Calls back for each alert that is read anew. Returns what ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #load(): Promise<void> {
    const revision = await this.#store.revision(alertKind);
    const full = this.#now() - this.#readAt > reread_ms;
    if (full || !await this.#readChanges(revision)) await this.#readAll();
    this.#revision = revision;
  }

  /** False when that did not find all: something else wrote alerts, or they have expired. */
  async #readChanges(revision: number): Promise<boolean> {
    const known = this.#recent;
    await this.#readRecent();
    const fresh = [...this.#recent].filter(([id, version]) => known.get(id) !== version);
    for (let i = 0; i < fresh.length; i += page) {
      const ids = fresh.slice(i, i + page).map(([id]) => id);
      for (const stored of await this.#store.getMany(alertKind, ids)) {
        if (stored) this.#take(stored.value);
      }
    }
    const count = await this.#store.count(alertKind);
    return count === this.#alerts.size || revision !== await this.#store.revision(alertKind);
  }

  async #readRecent(): Promise<void> {
    const from = this.#changedUpTo - skew_ms;
    const changes = await everything(this.#store, timelineKind, { from });
    this.#recent = new Map(changes.map(({ key, version }) => [key, version]));
    this.#changedUpTo = changes.at(-1)?.rank ?? this.#changedUpTo;
  }

  async #readAll(): Promise<void> {
    const readAt = this.#now();
    const [newest] = await this.#store.list(timelineKind, { order: "desc", limit: 1 });
    this.#changedUpTo = newest?.rank ?? 0;
    // Before the alerts: those that change meanwhile are looked at once more.
    await this.#readRecent();
    const ids = new Set<string>();
    for (let offset = 0;; offset += page) {
      const some = await this.#store.list(alertKind, { limit: page, offset });
      for (const { key, value } of some) {
        ids.add(key);
        this.#take(value);
      }
      if (some.length < page) break;
    }
    for (const id of this.#alerts.keys()) if (!ids.has(id)) this.#alerts.delete(id);
    this.#readAt = readAt;
  }

  #take(alert: Alert): void {
    const before = this.#alerts.get(alert.id)?.alert;
    const after = indexed(alert);
    this.#alerts.set(alert.id, after);
    for (const listener of this.#listeners) listener(before, after.alert);
  }
}

export const alertIndex = perProcess((env) => new AlertIndex(env));

/** How many alerts fire, by service and severity. */
export function firingCounts(alerts: readonly IndexedAlert[]): FiringCounts {
  const counts = new Map<string, Record<string, number>>();
  for (const { alert } of alerts) {
    if (alert.status !== "firing") continue;
    const of = counts.get(alert.service_name) ?? {};
    of[alert.severity] = (of[alert.severity] ?? 0) + 1;
    counts.set(alert.service_name, of);
  }
  return counts;
}

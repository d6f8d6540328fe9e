/**
 * The services of a page as the live connection changes them: a signal each, so that a sample draws
 * one row again and not the list. What a page shows beside them it hears of here too.
 *
 * @module
 */
import { batch, type Signal, signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Card } from "../components/ServiceCard.tsx";
import type { AlertSummary, Stats } from "../lib/api.ts";
import { type LiveSample, type ServiceStat, withSamples } from "../lib/overview.ts";
import { tick } from "./clock.ts";
import { live } from "./live.ts";
import { request } from "./request.ts";

/** Alerts come in groups: the numbers are read again once for all of them. */
const gather_ms = 150;

export interface Services<Row> {
  /** In the order in which they came. */
  readonly names: Signal<string[]>;
  readonly rows: ReadonlyMap<string, Signal<Row>>;
}

export function useServices<Row extends Card>(first: readonly Row[], page: {
  /** A row of a service that is new. */
  rowOf: (stat: ServiceStat) => Row;
  /** The row after new numbers. */
  withStat: (row: Row, stat: ServiceStat) => Row;
  /** Services that get a row; the numbers tell of all of them. */
  most?: number;
  onStats?: (stats: Stats) => void;
  onAlerts?: (news: readonly AlertSummary[]) => void;
}): Services<Row> {
  const { rowOf, withStat, most = Infinity, onStats, onAlerts } = page;
  const names = useSignal(first.map(({ name }) => name));
  const rows = useMemo(
    () => new Map<string, Signal<Row>>(first.map((row) => [row.name, signal(row)])),
    [],
  );
  useEffect(tick, []);
  useEffect(() => {
    // Those that the numbers know, with a row or without: no news of them is a reason to ask again.
    const counted = new Set(rows.keys());
    const take = (stats: Stats) =>
      batch(() => {
        for (const stat of stats.service_stats) {
          const { service_name } = stat;
          counted.add(service_name);
          const row = rows.get(service_name);
          if (row) row.value = withStat(row.peek(), stat);
          else if (rows.size < most) {
            rows.set(service_name, signal(rowOf(stat)));
            names.value = [...names.peek(), service_name];
          }
        }
        onStats?.(stats);
      });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const refresh = async () => {
      timer = undefined;
      try {
        take(await request<Stats>("GET", "/api/dashboard/stats"));
      } catch {
        // The badge tells; the numbers come with the next message.
      }
    };
    const end = live.subscribe(
      { types: ["metric", "alert", "stats"] },
      ({ messages, gap }) =>
        batch(() => {
          const samples = new Map<string, LiveSample[]>();
          const news: AlertSummary[] = [];
          for (const { type, payload } of messages) {
            if (type === "stats") take(payload as Stats);
            else if (type === "alert") news.push(payload as AlertSummary);
            else {
              const sample = payload as LiveSample;
              const list = samples.get(sample.service_name);
              if (list) list.push(sample);
              else samples.set(sample.service_name, [sample]);
            }
          }
          for (const [name, list] of samples) {
            const row = rows.get(name);
            if (row) row.value = { ...row.peek(), ...withSamples(row.peek(), list) };
          }
          if (news.length > 0) onAlerts?.(news);
          const unknown = [...samples.keys()].some((name) => !counted.has(name));
          if (news.length > 0 || gap || unknown) timer ??= setTimeout(refresh, gather_ms);
        }),
    );
    return () => {
      end();
      clearTimeout(timer);
    };
  }, []);
  return { names, rows };
}

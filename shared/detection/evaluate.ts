/**
 * Samples in, alert transitions out: the decision of the analyzer, pure. The same state, samples and
 * times give the same alerts with the same ids, live, in a replay and in a test.
 *
 * Event time decides: a window ends at the newest sample of its series, whenever that arrives. The
 * clock only bounds how far ahead a sample may be, and notices silence.
 *
 * @module
 */
import type { Alert } from "shared/model/alert.ts";
import { hash32 } from "shared/model/ids.ts";
import { fingerprint } from "shared/model/labels.ts";
import type { ServiceLog } from "shared/model/log.ts";
import { type Sample, seriesKey } from "shared/model/metric.ts";
import { epochOf } from "shared/model/wire.ts";
import { type Ending, firingAlert, labelsOf, resolvedAlert } from "./explain.ts";
import { type CompiledRule, holds, logMetric, type RuleSet, rulesFor } from "./rules.ts";
import {
  abandoned_ms,
  type Attached,
  type DetectionState,
  type Episode,
  idle_ms,
  lateness_ms,
  leastHistory_ms,
  leastSilence_ms,
  maxIds,
  maxLines,
  maxSeries,
  SeriesState,
  type Watch,
} from "./state.ts";
import { type Needs, Window } from "./windows.ts";

/** An alert that began or ended. */
export interface Transition {
  readonly alert: Alert;
  readonly reason: "breached" | Ending;
  /** The place in the batch of what led to it; -1 when time did. */
  readonly cause: number;
}

/**
 * What became of a sample: watched, or why not (a duplicate; more than 60 s late; more than 60 s
 * ahead of the clock; one series too many). All are stored.
 */
export type Outcome = "evaluated" | "duplicate" | "late" | "future" | "series_limit";

export interface Evaluation {
  readonly transitions: Transition[];
  /** How many samples met each outcome. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
}

/** One call: what would otherwise be handed from function to function for each sample. */
interface Call {
  readonly state: DetectionState;
  readonly rules: RuleSet;
  readonly now: number;
  readonly transitions: Transition[];
  cause: number;
  trace_id: string | undefined;
}

/**
 * Evaluates the rules that watch each sample's series. Changes `state`; `[a, b]` at once is the same
 * as `[a]`, then `[b]`.
 *
 * @param now epoch milliseconds
 * @example
 * ```ts
 * const state = createState();
 * const { transitions } = evaluate(state, samplesOf(message), compileRules(rules), now);
 * ```
 */
export function evaluate(
  state: DetectionState,
  samples: readonly Sample[],
  rules: RuleSet,
  now: number,
): Evaluation {
  const call = newCall(state, rules, now);
  const outcomes = { evaluated: 0, duplicate: 0, late: 0, future: 0, series_limit: 0 };
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i]!;
    call.cause = i;
    call.trace_id = sample.trace_id;
    outcomes[observe(call, sample)]++;
  }
  return { transitions: call.transitions, outcomes };
}

/**
 * Evaluates error bursts: each line of level error or fatal is a point of its service, and every line
 * moves the service's time on.
 *
 * @param now epoch milliseconds
 */
export function evaluateLogs(
  state: DetectionState,
  logs: readonly ServiceLog[],
  rules: RuleSet,
  now: number,
): Evaluation {
  const call = newCall(state, rules, now);
  const outcomes = { evaluated: 0, duplicate: 0, late: 0, future: 0, series_limit: 0 };
  for (let i = 0; i < logs.length; i++) {
    const log = logs[i]!;
    call.cause = i;
    call.trace_id = log.trace_id;
    outcomes[observeLog(call, log)]++;
  }
  return { transitions: call.transitions, outcomes };
}

/**
 * Lets time pass: silent series resolve what fires on them or become absent, rules that went away
 * resolve, idle series are forgotten. Cheap for series that are not silent.
 *
 * @param now epoch milliseconds
 */
export function sweep(state: DetectionState, rules: RuleSet, now: number): Transition[] {
  const call = newCall(state, rules, now);
  state.swept_at = now;
  for (const series of state.series.values()) {
    if (series.rules !== rules) attach(call, series, Math.max(series.newest, now));
    // Counted from the arrival: a sender whose clock is behind, or a backlog, is not silent.
    const quiet = now - Math.max(series.arrived, series.newest);
    if (quiet > series.patience_ms) silence(call, series, quiet);
    if (quiet > series.idle_ms) forget(call, series, quiet);
  }
  return call.transitions;
}

function newCall(state: DetectionState, rules: RuleSet, now: number): Call {
  return { state, rules, now, transitions: [], cause: -1, trace_id: undefined };
}

function observe(call: Call, sample: Sample): Outcome {
  const { t } = sample;
  if (t > call.now + lateness_ms) return "future";
  let series = call.state.series.get(sample.series);
  if (series === undefined) {
    const { service, metric, labels, unit } = sample;
    series = watch(call, new SeriesState(sample.series, service, metric, labels, unit));
    if (series === undefined) return "series_limit";
  }
  return take(call, series, sample.id, t, sample.v);
}

function observeLog(call: Call, log: ServiceLog): Outcome {
  const t = epochOf(log.timestamp);
  if (t > call.now + lateness_ms) return "future";
  const error = log.level === "error" || log.level === "fatal";
  const key = seriesKey(log.service_name, logMetric, {});
  let series = call.state.series.get(key);
  if (!error) {
    // Such a line only moves time on, for which one a second is enough.
    if (series === undefined || t < series.newest + 1_000) return "evaluated";
    return take(call, series, undefined, t, 0);
  }
  if (series === undefined) {
    series = watch(call, new SeriesState(key, log.service_name, logMetric, {}, ""));
    if (series === undefined) return "series_limit";
  }
  const outcome = accept(call, series, log.id, t);
  if (outcome !== "evaluated") return outcome;
  let at = series.lines.length;
  while (at > 0 && series.lines[at - 1]!.t > t) at--;
  const { level, trace_id } = log;
  const message = log.message.slice(0, 500);
  series.lines.splice(at, 0, { t, level, message, ...(trace_id ? { trace_id } : {}) });
  if (series.lines.length > maxLines) series.lines.shift();
  enter(call, series, t, 1);
  return outcome;
}

function watch({ state }: Call, series: SeriesState): SeriesState | undefined {
  if (state.series.size >= maxSeries) return undefined;
  state.series.set(series.key, series);
  state.forgotten.delete(series.key);
  return series;
}

function take(
  call: Call,
  series: SeriesState,
  id: string | undefined,
  t: number,
  v: number,
): Outcome {
  const outcome = accept(call, series, id, t);
  if (outcome === "evaluated") enter(call, series, t, v);
  return outcome;
}

/** Whether a sample counts; attaches the rules that are now in force. */
function accept(call: Call, series: SeriesState, id: string | undefined, t: number): Outcome {
  if (series.rules !== call.rules) attach(call, series, Math.max(series.newest, t));
  if (t < series.newest - lateness_ms) return "late";
  if (id === undefined) return "evaluated";
  const hash = hash32(id);
  if (series.older.has(id, hash) || series.recent.has(id, hash)) return "duplicate";
  series.recent.add(id, hash);
  return "evaluated";
}

/** Puts an accepted sample into its windows and asks the rules. */
function enter(call: Call, series: SeriesState, t: number, v: number): void {
  const { points, windows, watches } = series;
  series.dirty = true;
  series.arrived = call.now;
  if (t >= series.newest) {
    const gap = t - series.newest;
    if (gap > series.patience_ms && points.length > 0) silence(call, series, gap);
    series.newest = t;
    if (t - series.rotated > lateness_ms || series.recent.size > maxIds) rotate(series);
    if (points.full) makeRoom(series);
    points.push(t, v);
    for (let i = 0; i < windows.length; i++) windows[i]!.advance();
    const oldest = t - series.history_ms;
    while (points.t(points.first) <= oldest) points.shift();
    if (series.absences.length > 0) endAbsences(call, series);
  } else {
    const seq = points.place(t);
    if (points.full) {
      if (seq === points.first) return;
      makeRoom(series);
    }
    points.insert(seq, t, v);
    for (let i = 0; i < windows.length; i++) windows[i]!.admit(seq);
  }
  for (let i = 0; i < watches.length; i++) {
    const watch = watches[i]!;
    const { rule } = watch;
    const score = rule.detector.score(watch.window, rule, series);
    if (watch.episode !== undefined || holds(rule.operator, score, rule.threshold)) {
      judge(call, series, watch, score);
    }
  }
}

/**
 * A sample that is accepted is at most `lateness_ms` older than the newest, and so is every copy of
 * it: ids of the generation before the last cannot come again.
 */
function rotate(series: SeriesState): void {
  const { older, recent } = series;
  older.clear();
  series.older = recent;
  series.recent = older;
  series.rotated = series.newest;
}

function makeRoom({ points, windows }: SeriesState): void {
  for (const window of windows) if (window.start === points.first) window.drop();
  points.shift();
}

/** The states of Prometheus: inactive, pending, firing, and back. */
function judge(call: Call, series: SeriesState, watch: Watch, score: number): void {
  const { rule } = watch;
  const at = series.newest;
  const breached = holds(rule.operator, score, rule.threshold);
  let { episode } = watch;

  if (episode?.phase === "firing") {
    // Too few samples to say: it stays until there are enough, or none for long.
    if (Number.isNaN(score)) return;
    if (breached || holds(rule.operator, score, rule.recovery)) {
      episode.cleared = undefined;
      return;
    }
    // Silence may have been taken for the end of it, before samples of that time came.
    episode.cleared = Math.min(episode.cleared ?? at, at);
    if (at - episode.cleared < rule.keep_firing_ms) return;
    return resolve(call, series, watch, "recovered", at, rule.detector.value(watch.window, score));
  }
  if (!breached) {
    if (episode) rest(series, watch, at);
    return;
  }
  if (!episode) {
    episode = { phase: "pending", since: at, identity: identityOf(rule, series) };
    watch.episode = episode;
    series.episodes.set(rule.rule.id, episode);
  } else if (episode.phase === "over") {
    episode.phase = "pending";
    episode.since = at;
  }
  if (at - episode.since < rule.for_ms) return;
  if (episode.began !== undefined && at - episode.began < rule.cooldown_ms) return;
  fire(call, series, rule, episode, watch.window, score, at);
}

function fire(
  call: Call,
  series: SeriesState,
  rule: CompiledRule,
  episode: Episode,
  window: Window,
  score: number,
  at: number,
): void {
  const alert = firingAlert(series, rule, window, score, at, call.trace_id);
  episode.phase = "firing";
  episode.began = at;
  episode.cleared = undefined;
  episode.alert = alert;
  series.dirty = true;
  call.transitions.push({ alert, reason: "breached", cause: call.cause });
}

/** Ends a firing episode; what is left of it is the cooldown. */
function resolve(
  call: Call,
  series: SeriesState,
  watch: Attached,
  ending: Ending,
  at: number,
  value: number,
): void {
  const episode = watch.episode!;
  tell(call, series, episode, ending, at, value);
  episode.phase = "over";
  episode.cleared = undefined;
  episode.alert = undefined;
  series.dirty = true;
  rest(series, watch, at);
}

function tell(
  call: Call,
  series: SeriesState,
  episode: Episode,
  ending: Ending,
  at: number,
  value: number,
): void {
  const end = Math.max(at, episode.began!);
  const alert = resolvedAlert(series, episode.alert!, ending, end, value);
  call.transitions.push({ alert, reason: ending, cause: call.cause });
}

/** Nothing is wrong (any more): only a cooldown that still runs is remembered. */
function rest(series: SeriesState, watch: Attached, at: number): void {
  const episode = watch.episode!;
  if (episode.began !== undefined && at - episode.began < watch.rule.cooldown_ms) {
    episode.phase = "over";
    return;
  }
  watch.episode = undefined;
  series.episodes.delete(watch.rule.rule.id);
}

/**
 * No sample for `quiet` ms after the newest. Times of what follows count from the newest sample, not
 * from when somebody looked, so that they come out the same in a replay.
 */
function silence(call: Call, series: SeriesState, quiet: number): void {
  for (const watch of series.absences) {
    const { rule } = watch;
    let { episode } = watch;
    let limit = rule.window_ms + rule.for_ms;
    if (episode?.phase === "firing") {
      if (quiet > limit) episode.cleared = undefined;
      continue;
    }
    if (episode?.began !== undefined) {
      limit = Math.max(limit, episode.began + rule.cooldown_ms - series.newest);
    }
    if (quiet <= limit) continue;
    if (!episode) {
      episode = { phase: "pending", since: series.newest, identity: identityOf(rule, series) };
      watch.episode = episode;
      series.episodes.set(rule.rule.id, episode);
    }
    const window = new Window(series.points, rule.window_ms, rule.needs);
    fire(call, series, rule, episode, window, limit / 1_000, series.newest + limit);
  }
  for (const watch of series.watches) {
    const { rule, episode } = watch;
    if (!episode) continue;
    const limit = silenceOf(rule);
    if (quiet <= limit) continue;
    let at = series.newest + limit;
    if (episode.phase !== "firing") rest(series, watch, at);
    else {
      // Nothing shows the condition any more: it is kept firing from then, if not from before.
      episode.cleared ??= at;
      at = Math.max(at, episode.cleared + rule.keep_firing_ms);
      if (series.newest + quiet <= at) continue;
      // No lines at all are no errors; no samples at all say nothing.
      if (rule.detector.logs) resolve(call, series, watch, "recovered", at, 0);
      else resolve(call, series, watch, "no_data", at, series.points.v(series.points.end - 1));
    }
    series.dirty = true;
  }
}

/** After how much silence a rule's condition cannot hold any more, or is not known to. */
function silenceOf({ detector, window_ms }: CompiledRule): number {
  return detector.logs ? window_ms : Math.max(window_ms, leastSilence_ms);
}

function endAbsences(call: Call, series: SeriesState): void {
  for (const watch of series.absences) {
    const { rule, episode } = watch;
    if (!episode) continue;
    const { newest, points } = series;
    if (episode.phase !== "firing") {
      rest(series, watch, newest);
      continue;
    }
    episode.cleared ??= newest;
    if (newest - episode.cleared < rule.keep_firing_ms) continue;
    resolve(call, series, watch, "sample_arrived", newest, points.v(points.end - 1));
  }
}

function forget(call: Call, series: SeriesState, quiet: number): void {
  const firing = [...series.episodes.values()].filter(({ phase }) => phase === "firing");
  if (firing.length > 0 && quiet <= abandoned_ms) return;
  const cooling = ({ rule, episode }: Attached) =>
    episode?.began !== undefined && call.now - episode.began < rule.cooldown_ms;
  if (firing.length === 0 && [...series.watches, ...series.absences].some(cooling)) return;
  for (const episode of firing) {
    const value = episode.alert!.current_value;
    tell(call, series, episode, "series_abandoned", call.now, value);
  }
  call.state.series.delete(series.key);
  call.state.forgotten.add(series.key);
}

/** Which alerts a rule makes on a series: when that changes, an old episode cannot go on. */
function identityOf(rule: CompiledRule, series: SeriesState): string {
  return fingerprint(labelsOf(rule, series, rule.rule.severity));
}

/**
 * Attaches the rules in force to a series: windows are shared by rules of one length and built from
 * the points there are; episodes go on unless their rule is gone or makes other alerts now.
 */
function attach(call: Call, series: SeriesState, at: number): void {
  const { rules } = call;
  const found = rulesFor(rules, series);
  const { points } = series;
  const last = points.length > 0 ? points.v(points.end - 1) : 0;
  for (const [id, episode] of series.episodes) {
    const rule = found.find((one) => one.rule.id === id);
    if (rule && identityOf(rule, series) === episode.identity) continue;
    const ending: Ending = rule
      ? "rule_changed"
      : rules.disabled.has(id)
      ? "rule_disabled"
      : rules.byId.has(id)
      ? "rule_mismatch"
      : "rule_deleted";
    if (episode.phase === "firing") tell(call, series, episode, ending, at, last);
    series.episodes.delete(id);
    series.dirty = true;
  }

  const needs = new Map<number, Needs>();
  for (const { window_ms, needs: { extremes, ranks }, detector } of found) {
    if (detector.alert === "absence") continue;
    const known = needs.get(window_ms);
    needs.set(window_ms, {
      extremes: extremes || known?.extremes === true,
      ranks: ranks || known?.ranks === true,
    });
  }
  const windows = new Map<number, Window>();
  for (const [ms, need] of needs) {
    const old = series.windows.find((window) => window.ms === ms);
    const same = old && old.needs.extremes === need.extremes && old.needs.ranks === need.ranks;
    windows.set(
      ms,
      same ? old : new Window(points, ms, need, old?.sums ?? series.sums?.get(ms)),
    );
  }

  series.rules = rules;
  series.sums = undefined;
  series.windows = [...windows.values()];
  series.watches = [];
  series.absences = [];
  series.history_ms = leastHistory_ms;
  series.patience_ms = Infinity;
  series.idle_ms = idle_ms;
  for (const rule of found) {
    const episode = series.episodes.get(rule.rule.id);
    const absence = rule.detector.alert === "absence";
    const limit = absence ? rule.window_ms + rule.for_ms : silenceOf(rule);
    series.patience_ms = Math.min(series.patience_ms, limit);
    series.idle_ms = Math.max(series.idle_ms, limit);
    if (absence) series.absences.push({ rule, episode });
    else {
      series.history_ms = Math.max(series.history_ms, rule.window_ms);
      series.watches.push({ rule, window: windows.get(rule.window_ms)!, episode });
    }
  }
}

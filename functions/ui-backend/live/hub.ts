/**
 * Where live messages come in and go out to every connection of this process. It keeps the newest
 * alerts and log lines, and the newest value of each series, for those who come back.
 *
 * @module
 */
import type { Caller } from "shared/define/mod.ts";
import type { Log } from "shared/telemetry/log.ts";
import type { Metrics } from "shared/telemetry/metrics.ts";
import type { Clock } from "shared/time/clock.ts";
import type { AlertSummary } from "../alerts/alert_record.ts";
import { closeCodes, LiveClient, type Outcome, type Transport } from "./client.ts";
import { type ClientMessage, LiveMessage, type LiveType } from "./message.ts";

/** Alerts, and log lines, that are kept for those who come back. */
export const remembered = 2_000;
/** Series whose newest value, and alert states whose showing, is kept in mind. */
const maxKnown = 10_000;
/**
 * For this long after the start alerts may be stored that came before it, and which nobody shows:
 * who comes back to that time is told from the store.
 */
export const settling_ms = 60_000;
/** How long an alert may be stored before it is shown. */
const delay_ms = 15_000;

/** What the hub needs of the outside. */
export interface HubPorts {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** The alerts that changed at or after a time (epoch milliseconds), oldest change first. */
  changedSince(since: number): Promise<{ at: number; service: string; alert: unknown }[]>;
  /** Does what is only needed while somebody listens, until the signal. */
  feed(hub: LiveHub, log: Log, signal: AbortSignal): Promise<void>;
}

/** What clients see of an alert's state, in one text. */
export function alertState({ id, status, timestamp, acknowledged }: AlertSummary): string {
  return `${id} ${status} ${timestamp} ${acknowledged}`;
}

/** Who joins. */
export interface Joining {
  user: Caller;
  /** The last `seq` that it had, where it comes back. */
  resume?: number | undefined;
  log: Log;
}

/** The newest messages of a type, oldest first. */
class Recent {
  readonly messages: LiveMessage[] = [];
  /** All messages after this `seq` are here. */
  complete: number;

  constructor(start: number) {
    this.complete = start;
  }

  push(message: LiveMessage): void {
    this.messages.push(message);
    // Cut now and then, not each time: moving the rest costs.
    if (this.messages.length < 2 * remembered) return;
    const cut = this.messages.splice(0, this.messages.length - remembered);
    this.complete = cut.at(-1)!.seq;
  }

  since(seq: number): LiveMessage[] {
    return this.messages.filter((message) => message.seq > seq);
  }
}

export class LiveHub {
  readonly #ports: HubPorts;
  readonly #clients = new Map<LiveClient, Log>();
  /** What runs beside the connections, so that a stop can wait for it. */
  readonly #tasks = new Set<Promise<void>>();
  readonly #alerts: Recent;
  readonly #logs: Recent;
  readonly #series = new Map<string, LiveMessage>();
  readonly #shown = new Set<string>();
  #seq: number;
  #feeding: AbortController | undefined;
  #closed = false;

  constructor(ports: HubPorts) {
    this.#ports = ports;
    this.#seq = ports.clock.now() * 1_000;
    this.#alerts = new Recent(this.#seq + settling_ms * 1_000);
    this.#logs = new Recent(this.#seq);
  }

  /** The `seq` of the newest message. */
  get seq(): number {
    return this.#seq;
  }

  /** How many are connected. */
  get size(): number {
    return this.#clients.size;
  }

  /** Sends a message to everybody who wants it. */
  publish(
    type: "metric" | "log" | "alert" | "stats",
    payload: unknown,
    about: { service?: string; slot?: string } = {},
  ): void {
    const message = this.#message(type, payload, about);
    if (type === "alert") this.#alerts.push(message);
    if (type === "log") this.#logs.push(message);
    if (type === "metric" && message.slot) this.#remember(message.slot, message);
    if (this.#clients.size === 0) return;
    const outcomes = new Map<Outcome, number>();
    for (const client of this.#clients.keys()) {
      const outcome = client.offer(message);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (const [outcome, count] of outcomes) {
      this.#ports.metrics.add("live_messages_total", { type, outcome }, count);
    }
  }

  /** Sends an alert, unless it was sent as it is now. */
  show(alert: AlertSummary): void {
    const state = alertState(alert);
    if (this.#shown.has(state)) return;
    this.#shown.add(state);
    if (this.#shown.size > maxKnown) this.#shown.delete(this.#shown.keys().next().value!);
    this.publish("alert", alert, { service: alert.service_name });
  }

  /** Tells everybody that a list of the API is another one now: which, not how. */
  changed(list: "rules"): void {
    for (const client of this.#clients.keys()) this.#status(client, { changed: list });
  }

  /**
   * Takes a connection in. What it has missed since `resume` comes first; then `status`, whose
   * `seq` is where it is now.
   *
   * @param prepare called before anything is sent
   */
  join(
    transport: Transport,
    { user, resume, log }: Joining,
    prepare: (client: LiveClient) => void = () => {},
  ): LiveClient {
    const client = new LiveClient(transport, this.#ports.clock, resume ?? this.#seq);
    if (this.#closed) {
      client.close(closeCodes.goingAway, "the server stops");
      return client;
    }
    prepare(client);
    this.#clients.set(client, log);
    client.closed.addEventListener("abort", () => this.#leave(client), { once: true });
    this.#gauge(client.kind);
    this.#track(this.#expire(client, user.expires_at));
    if (!this.#feeding) {
      this.#feeding = new AbortController();
      this.#track(this.#ports.feed(this, log, this.#feeding.signal));
    }
    if (resume === undefined) this.#status(client, { connected: true, username: user.username });
    else this.#track(this.#resume(client, resume));
    return client;
  }

  /** Does what a client says; a text is what was wrong with what it said. */
  hear(client: LiveClient, said: ClientMessage | string): void {
    if (typeof said === "string") return this.#error(client, "bad_message", said);
    switch (said.type) {
      case "ping":
        return this.#answer(client, "pong", {});
      case "pong":
        return;
      case "subscribe":
        client.interest.subscribe(said);
        return this.#status(client, {});
      case "unsubscribe":
        client.interest.unsubscribe(said);
        return this.#status(client, {});
      case "resume":
        if (client.held) return this.#error(client, "busy", "A resume is under way");
        this.#track(this.#resume(client, said.seq));
    }
  }

  /** Ends every connection; nobody can join any more. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const client of [...this.#clients.keys()]) {
      client.close(closeCodes.goingAway, "the server stops");
    }
    await Promise.all(this.#tasks);
  }

  #leave(client: LiveClient): void {
    this.#clients.delete(client);
    this.#gauge(client.kind);
    if (this.#clients.size > 0) return;
    this.#feeding?.abort();
    this.#feeding = undefined;
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  #gauge(kind: Transport["kind"]): void {
    const count = [...this.#clients.keys()].filter((client) => client.kind === kind).length;
    this.#ports.metrics.set("live_connections", { kind }, count);
  }

  async #expire(client: LiveClient, expires_at = Infinity): Promise<void> {
    const { clock } = this.#ports;
    // A clock may cut a long sleep short.
    while (!client.closed.aborted && clock.now() < expires_at) {
      await clock.sleep(expires_at - clock.now(), client.closed);
    }
    if (client.closed.aborted) return;
    this.#error(client, "token_expired", "The token has expired: log in again");
    client.close(closeCodes.tokenExpired, "the token has expired");
  }

  /** Gives a client what it missed, before anything newer. */
  async #resume(client: LiveClient, since: number): Promise<void> {
    client.hold();
    try {
      const missed = [
        ...since >= this.#alerts.complete
          ? this.#alerts.since(since)
          : await this.#storedSince(since),
        ...this.#logs.since(since),
        ...[...this.#series.values()].filter((message) => message.seq > since),
      ].filter((message) => client.interest.wants(message)).sort((a, b) => a.seq - b.seq);
      for (const message of missed) client.answer(message);
      this.#status(client, { resumed_from: since, missed: missed.length });
      client.release();
    } catch (error) {
      this.#clients.get(client)?.warn("A live connection cannot resume", { error });
      this.#ports.metrics.add("live_messages_total", { type: "alert", outcome: "unavailable" });
      this.#error(client, "unavailable", "What was missed cannot be read now: come again");
      client.close(closeCodes.tooSlow, "come again and resume");
    }
  }

  /** The alerts that changed, where the process was not there or has forgotten. */
  async #storedSince(since: number): Promise<LiveMessage[]> {
    // Not beyond what is known by now: what comes while it reads waits, and has a greater number.
    const newest = this.#seq;
    // Some may have been stored before that and shown after: once too often is better than never.
    const changes = await this.#ports.changedSince(Math.floor(since / 1_000) - delay_ms);
    let seq = since;
    return changes.map(({ at, service, alert }) => {
      seq = Math.max(seq + 1, Math.min(at * 1_000, newest));
      return new LiveMessage("alert", seq, at, alert, { service });
    });
  }

  #remember(slot: string, message: LiveMessage): void {
    this.#series.delete(slot);
    this.#series.set(slot, message);
    if (this.#series.size > maxKnown) this.#series.delete(this.#series.keys().next().value!);
  }

  #message(
    type: LiveType,
    payload: unknown,
    about: { service?: string; slot?: string } = {},
  ): LiveMessage {
    const now = this.#ports.clock.now();
    this.#seq = Math.max(this.#seq + 1, now * 1_000);
    return new LiveMessage(type, this.#seq, now, payload, about);
  }

  #status(client: LiveClient, payload: object): void {
    this.#answer(client, "status", { ...payload, ...client.interest.describe() });
  }

  #error(client: LiveClient, code: string, message: string): void {
    this.#answer(client, "error", { code, message });
  }

  /** No message of the stream itself: its `seq` says how far the client has got. */
  #answer(client: LiveClient, type: LiveType, payload: unknown): void {
    const seq = client.position(this.#seq);
    client.answer(new LiveMessage(type, seq, this.#ports.clock.now(), payload));
  }
}

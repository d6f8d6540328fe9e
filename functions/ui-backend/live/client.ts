/**
 * One live connection: what it wants, what waits for it while it is slow, and when it is too slow.
 *
 * @module
 */
import type { Clock } from "shared/time/clock.ts";
import { Interest, type LiveMessage } from "./message.ts";

/** The way out to a client. Nothing here throws. */
export interface Transport {
  readonly kind: "websocket" | "sse";
  send(message: LiveMessage): void;
  /** Bytes that were sent and have not left. */
  buffered(): number;
  close(code: number, reason: string): void;
}

/** Why the server closes a connection: codes of RFC 6455, section 7.4, and our own. */
export const closeCodes = {
  goingAway: 1001,
  tooSlow: 1013,
  tokenExpired: 4401,
} as const;

/** Above this many bytes messages wait here, where stale ones can be replaced. */
export const highWater = 256 * 1024;
/** Alerts that may wait before the client must come again and resume. */
export const maxAlerts = 1_000;
/** Log lines that may wait; the oldest is dropped. */
export const maxLogs = 500;
/** How often a full connection is looked at: a WebSocket does not say when it has drained. */
const poll_ms = 25;

export type Outcome = "sent" | "waiting" | "replaced" | "dropped" | "unwanted" | "closed";

export class LiveClient {
  readonly interest = new Interest();
  readonly closed: AbortSignal;
  readonly #closing = new AbortController();
  readonly #transport: Transport;
  readonly #clock: Clock;
  /** In the order of `seq`; messages with a slot are found by it. */
  readonly #waiting = new Map<string | number, LiveMessage>();
  #alerts = 0;
  #logs = 0;
  #held = false;
  #draining = false;
  #position: number;

  /** @param position the client wants nothing of what came up to this `seq` */
  constructor(transport: Transport, clock: Clock, position: number) {
    this.#transport = transport;
    this.#clock = clock;
    this.#position = position;
    this.closed = this.#closing.signal;
  }

  get kind(): Transport["kind"] {
    return this.#transport.kind;
  }

  /** Sends a message now, or when those before it have gone. */
  offer(message: LiveMessage): Outcome {
    if (this.closed.aborted) return "closed";
    if (!this.interest.wants(message)) return "unwanted";
    const free = !this.#held && this.#waiting.size === 0 &&
      this.#transport.buffered() < highWater;
    if (!free) return this.#wait(message);
    this.#send(message);
    return "sent";
  }

  /** Sends a message before all that wait: answers to the client, and what it has missed. */
  answer(message: LiveMessage): void {
    if (!this.closed.aborted) this.#send(message);
  }

  /** Up to which `seq` the client has had all that it wants, if that of the stream is `newest`. */
  position(newest: number): number {
    return this.#held || this.#waiting.size > 0 ? this.#position : newest;
  }

  #send(message: LiveMessage): void {
    this.#position = Math.max(this.#position, message.seq);
    this.#transport.send(message);
  }

  /** Lets messages wait until `release`. */
  hold(): void {
    this.#held = true;
  }

  get held(): boolean {
    return this.#held;
  }

  release(): void {
    this.#held = false;
    this.#flush();
    this.#drain();
  }

  close(code: number, reason: string): void {
    if (this.closed.aborted) return;
    this.#closing.abort();
    this.#waiting.clear();
    this.#transport.close(code, reason);
  }

  #wait(message: LiveMessage): Outcome {
    const key = message.slot ?? message.seq;
    const replaced = this.#waiting.delete(key);
    let dropped = false;
    if (message.type === "alert" && ++this.#alerts > maxAlerts) {
      this.close(closeCodes.tooSlow, "too slow: come again and resume");
      return "closed";
    }
    if (message.type === "log" && ++this.#logs > maxLogs) dropped = this.#dropOldestLog();
    this.#waiting.set(key, message);
    this.#drain();
    return dropped ? "dropped" : replaced ? "replaced" : "waiting";
  }

  #dropOldestLog(): boolean {
    for (const [key, { type }] of this.#waiting) {
      if (type !== "log") continue;
      this.#logs--;
      return this.#waiting.delete(key);
    }
    return false;
  }

  #flush(): void {
    for (const [key, message] of this.#waiting) {
      if (this.#held || this.#transport.buffered() >= highWater) return;
      this.#waiting.delete(key);
      if (message.type === "alert") this.#alerts--;
      if (message.type === "log") this.#logs--;
      // Asked again: it may have unsubscribed meanwhile.
      if (this.interest.wants(message)) this.#send(message);
    }
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    while (this.#waiting.size > 0 && !this.#held && !this.closed.aborted) {
      await this.#clock.sleep(poll_ms, this.closed);
      this.#flush();
    }
    this.#draining = false;
  }
}

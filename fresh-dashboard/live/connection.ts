/**
 * The one live connection of a page, shared by its islands: opens the WebSocket, comes back after a
 * loss and goes on where it was, and hands messages out once per frame. Knows nothing of what the
 * messages mean.
 *
 * @module
 */
import { type ReadonlySignal, signal } from "@preact/signals";

export type LiveState = "connecting" | "live" | "reconnecting" | "offline" | "signed_out";
/** `status` comes whenever the connection starts or goes on, and when a list of the API changed. */
export type LiveTopic = "metric" | "log" | "alert" | "stats" | "status";

/** A message of the API's `/ws`. */
export interface LiveMessage<Payload = unknown> {
  readonly type: LiveTopic;
  readonly payload: Payload;
  readonly seq: number;
  readonly timestamp: string;
}

/** What came since the last frame. */
export interface Batch {
  /** In order, of the types and services that were asked for; may be empty when there is a gap. */
  readonly messages: readonly LiveMessage[];
  /**
   * Metrics or log lines may be missing before these messages, since the connection was lost or the
   * page was not shown: read them from the API again. No alert is ever missing.
   */
  readonly gap: boolean;
}

export interface Wish {
  readonly types: readonly LiveTopic[];
  /** All when absent. */
  readonly services?: readonly string[];
}

/** What the connection needs of the browser. */
export interface Ports {
  open(path: string): WebSocket;
  /** Refreshes the session where it has to be, and says whether there is one. */
  session(): Promise<"good" | "over" | "away">;
  /** The `seq` at which the server rendered the page. */
  rendered(): number | undefined;
  /** Milliseconds. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  after(ms: number, run: () => void): () => void;
  frame(run: () => void): void;
  online(): boolean;
  /** Calls back when the page is shown again or the network is back. */
  onWake(run: () => void): void;
}

/** First and longest wait before another try: anywhere up to it ("full jitter", AWS 2015). */
const backoff_ms = { first: 500, most: 30_000 };
/** Opening that takes longer has failed. */
const opening_ms = 10_000;
/** After this much silence the other side is asked, and given so long to answer. */
const silence_ms = 25_000;
const answer_ms = 5_000;
/** Failures in a row after which we say that the server is away. */
const patience = 4;
/** Messages that may wait for a frame; beyond it only the newest of each series do. */
const maxPending = 2_000;
const maxLogs = 500;

/** What can be asked for; `status` comes by itself. */
const topics: readonly LiveTopic[] = ["metric", "log", "alert", "stats"];
const heard: readonly string[] = [...topics, "status"];

export class LiveConnection {
  readonly #ports: Ports;
  readonly #state = signal<LiveState>("connecting");
  readonly #heard = signal(0);
  readonly #listeners = new Map<(batch: Batch) => void, Wish>();
  #pending: LiveMessage[] = [];
  #room = maxPending;
  #gap = false;
  #framed = false;
  #started = false;
  #socket: WebSocket | undefined;
  #seq: number | undefined;
  #failures = 0;
  #asked = false;
  #cancelRetry = () => {};
  #cancelTimer = () => {};

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** How it is now. */
  get state(): ReadonlySignal<LiveState> {
    return this.#state;
  }

  /** When the server was last heard, epoch milliseconds; 0 for never. */
  get heard(): ReadonlySignal<number> {
    return this.#heard;
  }

  /** Connects, once. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#seq = this.#ports.rendered();
    this.#ports.onWake(() => this.#wake());
    this.#open();
  }

  /** Calls back once a frame with what came of it; returns what ends that. */
  subscribe(wish: Wish, listener: (batch: Batch) => void): () => void {
    this.#listeners.set(listener, wish);
    this.#tellInterest();
    this.start();
    return () => {
      this.#listeners.delete(listener);
      this.#tellInterest();
    };
  }

  #open(): void {
    const { types, services } = this.#interest();
    const query = new URLSearchParams({ types: types.join() });
    if (services) query.set("services", services.join());
    if (this.#seq !== undefined) query.set("seq", String(this.#seq));
    const socket = this.#socket = this.#ports.open(`/ws?${query}`);
    this.#watch(opening_ms, () => this.#lost());
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#hear(JSON.parse(data));
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
  }

  #hear(message: { type: string; seq: number; payload: unknown; timestamp: string }): void {
    this.#heard.value = this.#ports.now();
    this.#seq = Math.max(this.#seq ?? 0, message.seq);
    this.#asked = false;
    if (message.type === "status" && this.#state.peek() !== "live") {
      // What came before the first connection was rendered by the server.
      if (this.#state.peek() !== "connecting") this.#lose();
      this.#failures = 0;
      this.#state.value = "live";
      this.#tellInterest();
      this.#listen();
    }
    if (heard.includes(message.type)) {
      this.#pending.push(message as LiveMessage);
      if (this.#pending.length > this.#room) this.#compact();
      this.#schedule();
    }
  }

  /** Notices when nothing comes any more: a connection can die without a word. */
  #listen(): void {
    const { now } = this.#ports;
    const silent = now() - this.#heard.peek();
    if (silent < silence_ms) return this.#watch(silence_ms - silent, () => this.#listen());
    if (this.#asked) return this.#lost();
    this.#ask();
  }

  #ask(): void {
    this.#asked = true;
    this.#send({ type: "ping" });
    this.#watch(answer_ms, () => this.#asked ? this.#lost() : this.#listen());
  }

  #lost(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#cancelTimer();
    socket?.close();
    this.#failures++;
    const away = !this.#ports.online() || this.#failures > patience;
    this.#state.value = away ? "offline" : "reconnecting";
    const most = Math.min(backoff_ms.most, backoff_ms.first * 2 ** (this.#failures - 1));
    this.#cancelRetry = this.#ports.after(this.#ports.random() * most, () => this.#again());
  }

  async #again(): Promise<void> {
    this.#cancelRetry();
    const failures = this.#failures;
    const session = await this.#ports.session();
    // A wake may have been faster.
    if (this.#socket || failures !== this.#failures) return;
    if (session === "good") this.#open();
    else if (session === "away") this.#lost();
    else this.#state.value = "signed_out";
  }

  #wake(): void {
    if (this.#state.peek() === "signed_out" || !this.#ports.online()) return;
    if (!this.#socket) {
      this.#failures = 0;
      void this.#again();
    } else if (this.#state.peek() === "live") this.#ask();
  }

  #watch(ms: number, run: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#ports.after(ms, run);
  }

  #send(message: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** What all listeners together want; alerts always, so that a resume knows of them. */
  #interest(): Wish {
    const wishes = [...this.#listeners.values()];
    const types = topics.filter((type) =>
      type === "alert" || wishes.some((wish) => wish.types.includes(type))
    );
    const named = wishes.flatMap(({ services }) => services ?? []);
    const all = wishes.length === 0 || wishes.some(({ services }) => !services);
    return all ? { types } : { types, services: [...new Set(named)] };
  }

  #tellInterest(): void {
    if (this.#state.peek() !== "live") return;
    const { types, services } = this.#interest();
    // Everything, then less: whatever was asked for before.
    this.#send({ type: "subscribe" });
    this.#send({ type: "unsubscribe", types: topics.filter((type) => !types.includes(type)) });
    if (services) this.#send({ type: "subscribe", services });
  }

  #lose(): void {
    this.#gap = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#framed) return;
    this.#framed = true;
    this.#ports.frame(() => this.#flush());
  }

  #flush(): void {
    const [messages, gap] = [this.#pending, this.#gap];
    this.#pending = [];
    this.#room = maxPending;
    this.#gap = false;
    this.#framed = false;
    for (const [listener, wish] of [...this.#listeners]) {
      const wanted = messages.filter((message) => wants(wish, message));
      if (wanted.length > 0 || gap) listener({ messages: wanted, gap });
    }
  }

  /** A page that is not shown has no frames: it keeps all alerts and what is newest of the rest. */
  #compact(): void {
    const newest = new Map<string, LiveMessage>();
    for (const message of this.#pending) {
      const slot = slotOf(message);
      newest.delete(slot);
      newest.set(slot, message);
    }
    let surplus = [...newest.values()].filter(({ type }) => type === "log").length - maxLogs;
    this.#pending = [...newest.values()].filter(({ type }) => type !== "log" || surplus-- <= 0);
    this.#room = Math.max(maxPending, 2 * this.#pending.length);
    this.#gap = true;
  }
}

function wants({ types, services }: Wish, { type, payload }: LiveMessage): boolean {
  if (!types.includes(type)) return false;
  const service = (payload as { service_name?: string } | null)?.service_name;
  return !services || service === undefined || services.includes(service);
}

function slotOf({ type, seq, payload }: LiveMessage): string {
  if (type === "stats" || type === "status") return type;
  if (type === "alert") return `alert ${(payload as { id: string }).id}`;
  if (type === "log") return `log ${seq}`;
  const { service_name, metric_type, labels } = payload as Record<string, unknown>;
  return JSON.stringify([service_name, metric_type, labels]);
}

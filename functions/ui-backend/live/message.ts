/**
 * Live messages and who wants which. Pure.
 *
 * @module
 */
import { z } from "zod";

const liveTypes = [
  "metric",
  "log",
  "alert",
  "status",
  "stats",
  "error",
  "ping",
  "pong",
] as const;
export type LiveType = (typeof liveTypes)[number];
/** The types that may be subscribed to; the others answer the client, who always gets them. */
export const topicTypes = ["metric", "log", "alert", "stats"] as const;
type TopicType = (typeof topicTypes)[number];

/** One message, written as JSON at most once whoever gets it. */
export class LiveMessage {
  readonly type: LiveType;
  /** Grows; about its time in milliseconds × 1,000, so that it grows over restarts too. */
  readonly seq: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly payload: unknown;
  /** What it is about, where it is about one. */
  readonly service: string | undefined;
  /** Of messages with one slot the newest replaces one that still waits. */
  readonly slot: string | undefined;
  #text: string | undefined;

  constructor(
    type: LiveType,
    seq: number,
    at: number,
    payload: unknown,
    about: { service?: string; slot?: string } = {},
  ) {
    this.type = type;
    this.seq = seq;
    this.at = at;
    this.payload = payload;
    this.service = about.service;
    this.slot = about.slot;
  }

  /** `{ type, payload, seq, timestamp }`. */
  get text(): string {
    return this.#text ??= JSON.stringify({
      type: this.type,
      payload: this.payload,
      seq: this.seq,
      timestamp: new Date(this.at).toISOString(),
    });
  }
}

/** What a client asks for; a part that is absent means all. */
export interface Wish {
  types?: readonly string[] | undefined;
  services?: readonly string[] | undefined;
}

/** A set of names: these, or all but these. */
interface Names {
  all: boolean;
  names: Set<string>;
}

/**
 * What a client is interested in: everything at first. The first `subscribe` narrows it to what it
 * names and later ones add to it; `unsubscribe` takes away. Each looks only at the parts it names:
 * `subscribe {}` is everything again and `unsubscribe {}` is nothing.
 */
export class Interest {
  #types: Names = { all: true, names: new Set() };
  #services: Names = { all: true, names: new Set() };

  subscribe({ types, services }: Wish): void {
    if (!types && !services) {
      this.#types = { all: true, names: new Set() };
      this.#services = { all: true, names: new Set() };
    }
    if (types) add(this.#types, types);
    if (services) add(this.#services, services);
  }

  unsubscribe({ types, services }: Wish): void {
    if (!types && !services) this.#types = { all: false, names: new Set() };
    if (types) take(this.#types, types);
    if (services) take(this.#services, services);
  }

  wants({ type, service }: Pick<LiveMessage, "type" | "service">): boolean {
    if (!(topicTypes as readonly string[]).includes(type)) return true;
    return has(this.#types, type) && (service === undefined || has(this.#services, service));
  }

  /** For people: what arrives now. `services` is absent when all do. */
  describe(): { types: TopicType[]; services?: string[]; without_services?: string[] } {
    const { all, names } = this.#services;
    return {
      types: topicTypes.filter((type) => has(this.#types, type)),
      ...(all ? {} : { services: [...names] }),
      ...(all && names.size > 0 ? { without_services: [...names] } : {}),
    };
  }
}

function has({ all, names }: Names, name: string): boolean {
  return names.has(name) !== all;
}

function add(set: Names, names: readonly string[]): void {
  if (set.all && set.names.size === 0) set.all = false;
  for (const name of names) {
    if (set.all) set.names.delete(name);
    else set.names.add(name);
  }
}

function take(set: Names, names: readonly string[]): void {
  for (const name of names) {
    if (set.all) set.names.add(name);
    else set.names.delete(name);
  }
}

const names = z.array(z.string().min(1).max(256)).max(1_000).optional();
const Wishes = z.object({ types: z.array(z.enum(liveTypes)).max(20).optional(), services: names });

/** What a client may say; the fields may stand by themselves or in `payload`. */
export const ClientMessage = z.preprocess(
  (value) => {
    if (typeof value !== "object" || value === null) return value;
    const { payload } = value as { payload?: unknown };
    return typeof payload === "object" && payload !== null ? { ...payload, ...value } : value;
  },
  z.discriminatedUnion("type", [
    Wishes.extend({ type: z.literal("subscribe") }),
    Wishes.extend({ type: z.literal("unsubscribe") }),
    z.object({ type: z.literal("resume"), seq: z.number().int().min(0) }),
    z.object({ type: z.literal("ping") }),
    z.object({ type: z.literal("pong") }),
  ]),
);
export type ClientMessage = z.infer<typeof ClientMessage>;

/** Most characters of a client's message. */
export const maxClientMessage = 16_384;

/** Reads what a client sent; a string says what is wrong with it. */
export function readClientMessage(data: unknown): ClientMessage | string {
  if (typeof data !== "string") return "Messages are text";
  if (data.length > maxClientMessage) {
    return `A message has at most ${maxClientMessage} characters`;
  }
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch {
    return "The message is not JSON";
  }
  const result = ClientMessage.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  return `${issue.path.map(String).join(".") || "message"}: ${issue.message}`;
}

/**
 * Topics, record kinds and due queues as values: what would be a string elsewhere carries its name,
 * its key and its schema, so that a wrong payload does not compile.
 *
 * @module
 */
import type { z } from "zod";

/** A topic: its name, what it is keyed by, what its messages look like. */
export interface Topic<Name extends string = string, T = unknown> {
  readonly name: Name;
  /** The partition key: messages with one key stay in order. */
  key(value: T): string;
  readonly schema: z.ZodType<T>;
  readonly partitions: number;
  /** Identity of a message for deduplication; when absent the runner derives one. */
  id?(value: T): string;
  /** A faster reader than `schema.parse` for hot topics; must agree with the schema. */
  parse?(value: unknown): T;
}

/** The message type of a topic. */
export type Message<K> = K extends Topic<string, infer T> ? T : never;

/** Declares a topic. */
export function defineTopic<const Name extends string, T>(topic: Topic<Name, T>): Topic<Name, T> {
  return topic;
}

/** A kind of record in the store. Each kind has one writer, named here for the reader. */
export interface Kind<T> {
  readonly name: string;
  /** The service that alone writes these records. */
  readonly writer: string;
  /** Never set: carries the record's type. */
  readonly record?: T;
}

/** Declares a kind of record, e.g. `defineKind<Rule>({ name: "rule", writer: "ui-backend" })`. */
export function defineKind<T>(kind: Kind<T>): Kind<T> {
  return kind;
}

/** A named queue of due times in the store: what is to happen when, surviving restarts. */
export interface Queue {
  readonly name: string;
}

/** Declares a due queue. */
export function defineQueue(name: string): Queue {
  return { name };
}

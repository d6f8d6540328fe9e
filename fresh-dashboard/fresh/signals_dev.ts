/**
 * `@preact/signals` as islands have it in development: hot replacement runs each `useMemo` again,
 * and the real `useSignal` is one, so that an edit would cost what was typed. State it keeps.
 *
 * @module
 */
import { type Signal, signal } from "@preact/signals";
import { useState } from "preact/hooks";

export * from "@preact/signals";

export function useSignal<T>(value: T): Signal<T> {
  return useState(() => signal(value))[0];
}

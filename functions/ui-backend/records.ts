/** What this service keeps to itself. @module */
import { defineKind, type Kind, type Role } from "shared/define/mod.ts";
import { loggingKind } from "shared/model/kinds.ts";
import type { ListOptions, Stored, StoreReader } from "shared/store/port.ts";

/** An account with a password of its own. */
export interface User {
  id: string;
  username: string;
  role: Role;
  /** As `passwords.ts` writes it. */
  password_hash: string;
  /** RFC 3339. */
  created_at: string;
  created_by: string;
}

/** Users by name; ranked by when they were created. */
export const userKind = defineKind<User>({ name: "user", writer: "ui-backend" });

/** One login and all refreshes that descend from it. */
export interface RefreshFamily {
  username: string;
  /** How the account was found, so that a deleted user does not become a demo user. */
  account: "admin" | "stored" | "demo";
  /** SHA-256 of the one refresh token that is good now, base64url. */
  token_hash: string;
}

/** Refresh families by session id; gone when nobody refreshes for long enough. */
export const refreshFamilyKind = defineKind<RefreshFamily>({
  name: "refresh-family",
  writer: "ui-backend",
});

/** Something that happened to an alert. */
export interface TimelineEntry {
  event: "fired" | "resolved" | "acknowledged" | "notified";
  /** RFC 3339. */
  timestamp: string;
  /** One sentence. */
  message: string;
  /** Who did it, where somebody did. */
  by?: string;
  note?: string;
}

export interface Timeline {
  entries: TimelineEntry[];
}

/**
 * What happened to each alert, by alert id. Ranked by when the alert last changed (epoch
 * milliseconds, the clock of the writer): written together with the alert, always, so that a reader
 * can ask for the alerts that changed since.
 */
export const timelineKind = defineKind<Timeline>({ name: "alert-timeline", writer: "ui-backend" });

/** All records of a kind from a rank on, in the order of their ranks. */
export async function everything<T>(
  store: StoreReader,
  kind: Kind<T>,
  options: Pick<ListOptions, "from"> = {},
): Promise<Stored<T>[]> {
  const limit = 1_000;
  const all: Stored<T>[] = [];
  for (;;) {
    const some = await store.list(kind, { ...options, limit, offset: all.length });
    for (const one of some) all.push(one);
    if (some.length < limit) return all;
  }
}

/** When each service wrote its newest log line, epoch milliseconds. */
export async function loggingServices(store: StoreReader): Promise<Map<string, number>> {
  return new Map((await everything(store, loggingKind)).map(({ key, rank }) => [key, rank]));
}

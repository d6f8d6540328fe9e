/** What the routes of this dashboard share: their state, and `define` bound to it. @module */
import { createDefine } from "fresh";
import type { Api } from "./lib/api.ts";
import type { User } from "./session/session.ts";

export type Theme = "system" | "light" | "dark";

/** What middlewares tell handlers and pages. */
export interface State {
  readonly site: Site;
  theme: Theme;
  /** Who is signed in: always there on pages but those that are public. */
  user?: User;
  /** The API as that user; on the same pages. */
  api: Api;
  /** The access token: for the proxies alone. */
  token?: string;
  /** `Set-Cookie` headers of the answer, whatever it will be. */
  cookies: string[];
}

/** What this dashboard runs with. */
export interface Site {
  /** Where `ui-backend` listens, e.g. `http://127.0.0.1:8007`. */
  readonly backend: string;
  /** Cookies are sent over TLS only. */
  readonly production: boolean;
  /** Where Vite serves the browser half; in development only. */
  readonly vite?: string;
  readonly fetch: typeof fetch;
  /** Epoch milliseconds. */
  now(): number;
}

export const define = createDefine<State>();

const ranks = { viewer: 0, operator: 1, admin: 2 };

/** Whether to offer what a role may do; whether it is allowed is the backend's to say. */
export function may(user: User | undefined, role: User["role"]): boolean {
  return user !== undefined && ranks[user.role] >= ranks[role];
}

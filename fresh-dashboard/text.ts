/**
 * Everything the dashboard says, in one place: the only file to translate. Imported whole, as
 * `import * as text from`, so that an island ships only the parts it names.
 *
 * @module
 */

export const product = "EventFlow";

export const skip = "Skip to the content";

export const title = (page: string) => `${page} · EventFlow`;

export const nav = {
  label: "Main",
  overview: "Overview",
  services: "Services",
  alerts: "Alerts",
  rules: "Rules",
} as const;

export const user = {
  menu: "Account of",
  signedInAs: "Signed in as",
  signOut: "Sign out",
  roles: { viewer: "Viewer", operator: "Operator", admin: "Administrator" },
} as const;

export const theme = {
  label: "Appearance",
  system: "System",
  light: "Light",
  dark: "Dark",
} as const;

export const login = {
  title: "Sign in",
  lead: "See what your services are doing, and what needs you.",
  username: "User name",
  password: "Password",
  submit: "Sign in",
  wrong: "The user name or the password is wrong.",
  tooMany: (seconds: number) => `Too many tries. Wait ${seconds} s and try again.`,
  away: "The server does not answer right now. Your entry is fine; try again in a moment.",
  missing: "Enter a user name and a password.",
} as const;

export const live = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
  signed_out: "Signed out",
  explain: {
    connecting: "Opening the live connection",
    live: "Updates arrive as they happen",
    reconnecting: "The live connection was lost and is being opened again",
    offline: "The server cannot be reached; what you see may be old",
    signed_out: "Your session is over; sign in to go on",
  },
} as const;

export const severity = { critical: "Critical", warning: "Warning", info: "Info" } as const;

export const status = {
  healthy: "Healthy",
  warning: "Warning",
  critical: "Critical",
  down: "Down",
} as const;

export const errors = {
  code: (status: number) => `Error ${status}`,
  notFound: {
    title: "There is nothing here",
    lead: "The page may have moved, or the address may have a typing mistake.",
  },
  away: {
    title: "The API does not answer",
    lead: "The dashboard works, but ui-backend cannot be reached. Alerts are evaluated and sent " +
      "without it.",
  },
  forbidden: {
    title: "This is not for your role",
    lead: "Ask an administrator if you need it.",
  },
  failed: {
    title: "Something went wrong on our side",
    lead: "It has been written to the log. Trying again may help.",
  },
  foreign: "Refused, as it was not sent by a page of this dashboard.",
  retry: "Try again",
  home: "Go to the overview",
} as const;

export const overview = { title: "Overview" } as const;

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

export const away = {
  offline: "The server cannot be reached. Last update:",
} as const;

/** `1 alert`, `3 alerts`. */
const many = (n: number, one: string, more = `${one}s`) =>
  `${n.toLocaleString("en-US")} ${n === 1 ? one : more}`;

export const vitals = {
  cpu: "CPU",
  memory: "Memory",
  latency_p95: "p95",
  error_rate: "Errors",
  request_rate: "Requests",
  none: "–",
  noneLong: "Not measured",
} as const;

export const overview = {
  title: "Overview",
  updated: "Updated",
  figures: {
    label: "The platform in numbers",
    services: "Services healthy",
    servicesOf: (all: number) => `of ${all}`,
    firing: "Firing now",
    unacknowledged: "Not acknowledged",
    rules: "Rules active",
    samples: "Samples a minute",
    allWell: "Nothing needs you",
    waiting: "Nobody has taken them yet",
    taken: "Somebody knows of each",
    uptime: (time: string) => `API up for ${time}`,
    bad: (critical: number, warning: number, down: number) =>
      [
        critical && `${critical} critical`,
        warning && `${warning} warning`,
        down && `${down} down`,
      ].filter(Boolean).join(", ") || "No trouble in sight",
  },
  services: "Services",
  allServices: (n: number) => n === 1 ? "1 service" : `All ${n} services`,
  history: {
    title: "Last 24 hours",
    all: (n: number) => `${many(n, "alert")} began`,
    some: (shown: number, all: number) =>
      `The newest ${shown.toLocaleString("en-US")} of ${all.toLocaleString("en-US")} alerts`,
    row: (service: string, n: number, critical: number) =>
      `${service}: ${many(n, "alert")}, ${critical} critical`,
    others: (n: number) => `${many(n, "more service")}`,
    hours: ["24 h ago", "18 h", "12 h", "6 h", "now"],
    none: "No alert in the last 24 hours",
    unknown: "The history cannot be read right now",
    scale: { critical: "Critical (thick)", warning: "Warning", info: "Info (thin)" },
  },
  recent: {
    title: "Recent alerts",
    all: "All alerts",
    none: "No alert yet",
    noneLead: "When a rule fires, it shows up here at once.",
    firing: "Firing",
    resolved: "Resolved",
    acknowledged: "Acknowledged",
  },
  pipeline: {
    title: "Pipeline",
    lead: "Messages that wait in each topic",
    live: "Live connection",
    none: "No function has reported yet",
    lag: (n: number) => n === 0 ? "caught up" : `${n.toLocaleString("en-US")} behind`,
    silent: "silent",
  },
  empty: {
    title: "No service has sent anything yet",
    lead:
      "Send OpenTelemetry, Prometheus or plain JSON to ingest, on port 4318: a service is here " +
      "with its first sample.",
  },
} as const;

export const card = {
  open: (service: string) => `Open ${service}`,
  noSeries: "No trend yet",
  trend: (metric: string) => `${metric}, 15 min`,
} as const;

export const services = {
  title: "Services",
  search: "Search services",
  found: (n: number, all: number) => n === all ? many(n, "service") : `${n} of ${all} services`,
  name: "Service",
  status: "Status",
  alerts: "Firing",
  seen: "Last seen",
  none: (q: string) => `No service is called “${q}”`,
  noneLead: "Names are searched as they are sent and as they are shown.",
  clear: "Show all",
} as const;

export const service = {
  back: "Services",
  seen: "Last seen",
  version: "Version",
  range: "Time range",
  ranges: { "5m": "5 min", "15m": "15 min", "1h": "1 h", "6h": "6 h", "24h": "24 h" },
  pause: "Pause",
  resume: "Resume",
  stands: "Paused, as it was",
  paused: "Paused: the page stands still, the data is kept",
  metrics: "Metrics",
  noMetrics: "No sample in this time",
  noMetricsLead: "Choose a longer range; samples are kept for a day.",
  more: (n: number) => `${n} more not drawn`,
  chart: (title: string, says: string) =>
    `${title}. ${says}. Left and right arrow move the cross-hair, Escape ends it.`,
  says: (name: string, value: string, low: string, high: string) =>
    `${name}: now ${value}, between ${low} and ${high}`,
  threshold: (rule: string) => `Threshold of ${rule}`,
  alertsHere: (n: number) => many(n, "alert"),
  failed: "This could not be read",
  retry: "Try again",
  logs: {
    title: "Logs",
    label: "Log lines, oldest first",
    level: "Level",
    levels: {
      all: "All levels",
      info: "Info and worse",
      warn: "Warnings and worse",
      error: "Errors",
    },
    search: "Search the log",
    none: "No line in this time",
    noneLead: "Nothing passes the filter in the chosen range.",
    trace: (id: string) => `Only lines of trace ${id}`,
    onlyTrace: "Trace",
    clearTrace: "Show all traces",
    shown: (shown: number, all: number) =>
      all > shown ? `The newest ${shown} of ${all.toLocaleString("en-US")}` : many(all, "line"),
    newest: "Go to the newest",
    stack: "Stack trace",
    more: "Whole line",
  },
  alerts: {
    title: "Alerts",
    none: "No alert in this time",
    lasted: (time: string) => `lasted ${time}`,
    firing: (time: string) => `for ${time}`,
    all: "All alerts of this service",
  },
  rules: {
    title: "Rules that watch it",
    none: "No rule watches this service",
    off: "Off",
    everyMetric: "every metric",
    errors: "lines of error",
    silent: (metric: string) => `no ${metric}`,
    types: {
      zscore: "z-score",
      anomaly: "anomaly",
      moving_average: "off its moving average",
      error_burst: "burst",
    },
  },
} as const;

export const levels = {
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  fatal: "fatal",
} as const;

export const time = {
  now: "now",
  ago: (age: string) => `${age} ago`,
  from: "From",
  to: "To",
  zone: "UTC",
} as const;

export const request = {
  away: "The server does not answer. Nothing was changed; try again in a moment.",
  signedOut: "Your session is over. Sign in again, then try once more.",
  failed: "That did not work.",
} as const;

export const list = {
  search: "Search",
  filters: "Filters",
  apply: "Apply",
  clear: "Clear filters",
  all: "All",
  any: "Any",
  pages: "Pages",
  page: (page: number, pages: number) => `Page ${page} of ${pages}`,
  range: (from: number, to: number, total: number) =>
    `${from.toLocaleString("en")}–${to.toLocaleString("en")} of ${total.toLocaleString("en")}`,
  sortBy: (column: string) => `Sort by ${column}`,
  offline: "The live connection is lost: what you see may be old.",
} as const;

export const keys = {
  open: "Keyboard shortcuts",
  title: "Keyboard",
  close: "Close",
  all: [
    ["/", "Search"],
    ["j", "Next row"],
    ["k", "Previous row"],
    ["Enter", "Open the row"],
    ["x", "Select the row"],
    ["a", "Acknowledge"],
    ["n", "New rule, or show what is new"],
    ["?", "This list"],
    ["Esc", "Close, or leave the field"],
  ],
} as const;

export const alerts = {
  title: "Alerts",
  search: "Title, service, label …",
  views: { attention: "Needs attention", firing: "Firing", resolved: "Resolved", all: "All" },
  viewsLabel: "Views",
  status: { firing: "Firing", resolved: "Resolved" },
  column: {
    severity: "Severity",
    title: "Alert",
    service: "Service",
    type: "Type",
    status: "Status",
    starts_at: "Began",
    acknowledged: "Acknowledged",
    select: "Select",
  },
  acknowledgedIs: { true: "Acknowledged", false: "Not acknowledged" },
  acknowledge: "Acknowledge",
  acknowledgeThis: (title: string) => `Acknowledge ${title}`,
  acknowledged: "Acknowledged",
  by: (name: string) => `by ${name}`,
  open: "Open",
  select: (title: string) => `Select ${title}`,
  selectAll: "Select all rows of this page",
  selected: (count: number) => count === 1 ? "1 selected" : `${count} selected`,
  selection: "Selection",
  unselect: "Clear",
  done: (count: number) => count === 1 ? "1 alert acknowledged" : `${count} alerts acknowledged`,
  failed: (count: number, why: string) =>
    count === 1 ? `1 alert was not acknowledged. ${why}` : `${count} were not acknowledged. ${why}`,
  fresh: (count: number) => count === 1 ? "1 new alert" : `${count} new alerts`,
  show: "Show",
  found: (count: number) => many(count, "alert"),
  untitled: "Untitled",
  none: {
    title: "Nothing has fired",
    lead: "Alerts appear here the moment they fire. Rules decide when that is.",
    rules: "See the rules",
  },
  noMatch: {
    title: "No alert matches",
    lead: "Every filter narrows the list. Take one away, or clear them all.",
  },
  calm: {
    title: "All clear",
    lead: "Nothing fires that nobody knows of.",
  },
} as const;

export const alert = {
  back: "Alerts",
  value: "Value now",
  lastValue: "Last value",
  fired: "Value when it fired",
  threshold: "Threshold",
  began: "Began",
  lasted: "Lasted",
  running: "Running for",
  type: "Type",
  service: "Service",
  metric: "Metric",
  rule: "Rule",
  ruleVersion: (version: number) => `version ${version}`,
  seeRule: "Open the rule",
  trace: "Trace",
  facts: "Facts",
  labels: "Labels",
  annotations: "Annotations",
  description: "Description",
  why: "Why it fired",
  atFiring: "when it fired",
  noWhy: "It came from outside: there is no explanation.",
  chart: (metric: string) => `The window of ${metric} that was looked at`,
  chartSaid: (count: number, low: string, high: string) =>
    `${count} samples between ${low} and ${high}`,
  shown: (shown: number, all: number) =>
    shown < all ? `the newest ${shown} of ${all} samples` : `${all} samples`,
  window: "Window",
  aggregation: "Aggregation",
  comparison: "Comparison",
  baseline: "Baseline",
  aggregate: (aggregation: string, value: string) => `${aggregation} of the window: ${value}`,
  deviations: " σ",
  offAverage: " %",
  spread: "Spread (σ)",
  score: "Score",
  band: "Expected",
  lines: "Log lines",
  linesLead: (shown: number, all: number) =>
    shown < all ? `The newest ${shown} of ${all}` : `All ${all}`,
  timeline: "Timeline",
  event: {
    fired: "Fired",
    resolved: "Resolved",
    acknowledged: "Acknowledged",
    notified: "Notified",
  },
  deliveries: "Deliveries",
  noDeliveries: "Nothing was sent for this alert, or not yet.",
  deliveriesAway: "The deliveries could not be read.",
  outcome: {
    delivered: "Delivered",
    retry: "Will be tried again",
    retried: "Failed, and was tried again",
    given_up: "Given up",
  },
  attempt: (n: number) => `attempt ${n}`,
  to: (receiver: string) => `to ${receiver}`,
  nextTry: "next try",
  took: (ms: string) => `${ms} ms`,
  ack: {
    title: "Acknowledge",
    lead: "Others see that you take care of it. It keeps firing until it is over.",
    leadOver: "It is over. This tells others that somebody has looked at it.",
    note: "Note",
    hint: "What you know, or what you do about it",
    submit: "Acknowledge",
    done: "Acknowledged",
    viewer: "Operators and administrators can acknowledge.",
  },
} as const;

export const rules = {
  title: "Rules",
  search: "Name or description",
  new: "New rule",
  column: {
    enabled: "On",
    name: "Rule",
    condition: "Fires when",
    service: "Service",
    severity: "Severity",
    updated_at: "Changed",
    actions: "Actions",
  },
  every: "every service",
  on: "On",
  off: "Off",
  state: "State",
  toggle: (name: string) => `${name}: enabled`,
  open: "Open",
  duplicate: "Duplicate",
  remove: "Delete",
  duplicateThis: (name: string) => `Duplicate ${name}`,
  removeThis: (name: string) => `Delete ${name}`,
  confirm: {
    title: "Delete this rule?",
    lead: "What it made fire resolves. This cannot be undone.",
    yes: "Delete",
    no: "Keep it",
  },
  removed: (name: string) => `${name} was deleted`,
  switched: (name: string, on: boolean) => `${name} is ${on ? "on" : "off"}`,
  conflict: (name: string) =>
    `Somebody else changed ${name} meanwhile. This is how it is now: look at it and try again.`,
  gone: (name: string) => `Somebody else deleted ${name} meanwhile.`,
  none: {
    title: "There is no rule",
    lead: "Without rules nothing fires. Make the first one.",
  },
  noMatch: { title: "No rule matches", lead: "Take a filter away, or clear them all." },
  type: {
    threshold: "Threshold",
    zscore: "Z-score",
    moving_average: "Moving average",
    error_burst: "Error burst",
    anomaly: "Anomaly",
    absence: "Absence",
  },
  typeSays: {
    threshold: "A value is beyond a limit",
    zscore: "A value is many standard deviations off the mean of its window",
    moving_average: "A value is some percent off the average of its window",
    error_burst: "Many error lines in the log within a window",
    anomaly: "A value does not fit what was seen before",
    absence: "Nothing was reported for the length of the window",
  },
  over: (seconds: string) => `over ${seconds}`,
  held: (seconds: string) => `for ${seconds}`,
  absent: (metric: string, window: string) => `no ${metric} for ${window}`,
  burst: (operator: string, threshold: number, window: string) =>
    `error lines ${operator} ${threshold} within ${window}`,
  deviations: "σ",
  offAverage: "% off its average",
} as const;

export const ruleForm = {
  back: "Rules",
  newTitle: "New rule",
  readOnly: "Only administrators can change rules.",
  copyOf: (name: string) => `${name} (copy)`,
  what: "What to watch",
  when: "When it fires",
  then: "What it says",
  notify: "Who is told",
  more: "Fine tuning",
  field: {
    name: "Name",
    description: "Description",
    enabled: "Enabled",
    type: "Type",
    service_name: "Service",
    metric_type: "Metric",
    matchers: "Label matchers",
    aggregation: "Aggregation",
    window_size: "Window (s)",
    operator: "Comparison",
    threshold: "Threshold",
    recovery_threshold: "Recovery threshold",
    for_seconds: "Pending for (s)",
    keep_firing_seconds: "Keep firing for (s)",
    cooldown_seconds: "Cooldown (s)",
    min_samples: "Least samples",
    severity: "Severity",
    labels: "Labels",
    annotations: "Annotations",
    notify_slack: "Slack",
    notify_email: "Email",
    notify_webhook: "Webhook",
  },
  hint: {
    service_name: "* is every service",
    metric_type: "* is every metric",
    matchers: 'One per line, such as path="/login"',
    labels: "One per line: name=value",
    annotations: "One per line: name=value",
    recovery_threshold: "Once firing, it resolves only beyond this",
    for_seconds: "It must be so for this long",
    keep_firing_seconds: "And goes on for this long after",
    cooldown_seconds: "No new episode for this long after one began",
    zscore: "Standard deviations off the mean",
    moving_average: "Percent off the average",
    error_burst: "Error lines within the window",
  },
  notNumber: "This is not a number",
  notPair: (line: string) => `Not name=value: ${line}`,
  save: "Save",
  create: "Create rule",
  saved: "Saved",
  saving: "Saving",
  discard: "Discard changes",
  unsaved: "Not saved yet",
  invalid: (count: number) => count === 1 ? "1 field needs you" : `${count} fields need you`,
  facts: (version: number, by: string) => `Version ${version}, made by ${by}`,
  changed: "changed",
  conflict: {
    title: "Somebody else saved this rule meanwhile",
    lead: (version: number) =>
      `It is at version ${version} now. Nothing of yours is lost: choose what to keep.`,
    field: "Field",
    yours: "Yours",
    theirs: "Theirs",
    same: "Both say the same. Saving changes nothing.",
    take: "Take theirs",
    overwrite: "Overwrite with mine",
    takeField: "Take this",
    takeThis: (field: string) => `Take this: ${field}`,
    empty: "—",
  },
  gone: {
    title: "Somebody else deleted this rule",
    lead: "What you have here can be saved as a new one.",
    again: "Save as a new rule",
  },
  preview: {
    title: "The last hour",
    service: "Preview with",
    none: "Choose a service and a metric to see the last hour.",
    noData: "No sample of this metric in the last hour.",
    away: "The samples could not be read.",
    loading: "Reading the last hour …",
    threshold: "Threshold",
    drag: "Drag the line, or move it with the arrow keys.",
    beyond: (count: number, all: number) =>
      count === 0
        ? `None of ${all} points would have been beyond it.`
        : `${count} of ${all} points would have been beyond it.`,
    approximate: "Drawn from the mean of the hour; the real baseline moves with the window.",
    burst: "Error bursts are counted in the log: there is no series to draw.",
    series: (metric: string, service: string) => `${metric} of ${service}, the last hour`,
    ago: (minutes: number) => minutes === 0 ? "now" : `−${minutes} min`,
  },
} as const;

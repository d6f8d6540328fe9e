/** Sends notifications by SMTP: the only door to nodemailer. @module */
import { createTransport } from "nodemailer";
import { z } from "zod";
import { Secret } from "functions/config.ts";
import { alertLine, alertUrl, headline, type Notification } from "shared/alerting/notification.ts";
import { type Attempt, defineDispatcher, DeliveryFailed } from "./dispatcher.ts";
import { SecretText } from "./http.ts";
import { decoded, redact, secretsOf } from "./redact.ts";

// deno-lint-ignore no-control-regex -- a line break in a header would begin another header
const control = /[\u0000-\u001f\u007f]+/g;

const Addresses = z.string().refine(
  (text) => text.search(control) < 0 && text.split(",").every((one) => /^.+@.+$/.test(one.trim())),
  "must be mail addresses, separated by commas",
);

const Entry = z.strictObject({
  send_resolved: z.boolean().default(false),
  to: Addresses,
  from: Addresses,
  smarthost: z.string().regex(/^(\[[^\]]+\]|[^:\s]+):\d{1,5}$/, "must be host:port"),
  /** How the client names itself. */
  hello: z.string().regex(/^\S+$/, "must be a host name").default("localhost"),
  auth_username: z.string().optional(),
  auth_password: SecretText.optional(),
  /** STARTTLS must be offered and its certificate be right; else TLS is used where it is offered. */
  require_tls: z.boolean().default(true),
  /** TLS from the first byte; what port 465 means when this is absent. */
  force_implicit_tls: z.boolean().optional(),
  tls_config: z.strictObject({
    server_name: z.string().optional(),
    insecure_skip_verify: z.boolean().optional(),
    /** A certificate authority, in PEM. */
    ca: z.string().optional(),
  }).optional(),
});
type Entry = z.infer<typeof Entry>;

/** A step of the conversation that takes longer than this has failed, milliseconds. */
const patience_ms = 10_000;

export default defineDispatcher({
  name: "email",
  entry: Entry,
  ignored: ["headers", "html", "text", "threading", "auth_identity", "auth_secret"],
  inherit: (global) => ({
    from: global.smtp_from,
    smarthost: global.smtp_smarthost,
    hello: global.smtp_hello,
    auth_username: global.smtp_auth_username,
    auth_password: global.smtp_auth_password,
    require_tls: global.smtp_require_tls,
    force_implicit_tls: global.smtp_force_implicit_tls,
    tls_config: global.smtp_tls_config,
  }),
  fromEnvironment({ SMTP_URL, EMAIL_FROM, EMAIL_RECIPIENTS }) {
    if (!SMTP_URL || EMAIL_RECIPIENTS.length === 0) return [];
    const { protocol, hostname, port, username, password } = new URL(SMTP_URL.reveal());
    const implicit = protocol === "smtps:";
    return [{
      send_resolved: true,
      to: EMAIL_RECIPIENTS.join(", "),
      from: EMAIL_FROM,
      smarthost: `${hostname}:${port || (implicit ? 465 : 587)}`,
      auth_username: username ? decoded(username) : undefined,
      auth_password: password ? new Secret(decoded(password)) : undefined,
      hello: "localhost",
      require_tls: false,
      force_implicit_tls: implicit,
    }];
  },
  create: (entry) => ({
    name: "email",
    destination: `${entry.smarthost} ${entry.to}`,
    async dispatch(notification, attempt) {
      const info = await speak(entry, attempt.signal, (transport) =>
        transport.sendMail({
          ...mailOf(notification, entry),
          signal: attempt.signal,
          disableFileAccess: true,
          disableUrlAccess: true,
        }));
      warnOfRejected(info.rejected.length, notification, attempt);
    },
    async healthCheck({ signal }) {
      await speak(entry, signal, (transport) => transport.verify());
    },
  }),
});

/** The server has taken the message for the others: sending it again would tell those twice. */
function warnOfRejected(count: number, { id, integration }: Notification, { log }: Attempt) {
  if (count > 0) {
    log.warn("Some recipients were refused", { notification_id: id, integration, count });
  }
}

type Transport = ReturnType<typeof transportOf>;

async function speak<T>(
  entry: Entry,
  signal: AbortSignal,
  conversation: (transport: Transport) => Promise<T>,
): Promise<T> {
  const transport = transportOf(entry);
  try {
    return await conversation(transport);
  } catch (error) {
    throw failureOf(error, entry, signal);
  } finally {
    transport.close();
  }
}

function transportOf(entry: Entry) {
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(entry.smarthost) ?? [];
  const secure = entry.force_implicit_tls ?? port === "465";
  const { server_name, insecure_skip_verify, ca } = entry.tls_config ?? {};
  // Encryption that nobody asked for is better unverified than not there (RFC 7435).
  const unverified = insecure_skip_verify ?? (!secure && !entry.require_tls);
  return createTransport({
    host: host.replace(/^\[(.*)\]$/, "$1"),
    port: Number(port),
    secure,
    requireTLS: !secure && entry.require_tls,
    name: entry.hello,
    auth: entry.auth_username === undefined ? undefined : {
      user: entry.auth_username,
      pass: entry.auth_password?.reveal() ?? "",
    },
    tls: { rejectUnauthorized: !unverified, servername: server_name, ca },
    connectionTimeout: patience_ms,
    greetingTimeout: patience_ms,
    socketTimeout: patience_ms,
    dnsTimeout: patience_ms,
  });
}

/** Greatest length of a subject, characters. */
const longestSubject = 200;
/** Most alerts that are listed. */
const mostAlerts = 100;

/** The message, as nodemailer takes it. Its id is the notification's, so a repeated one is known. */
export function mailOf(notification: Notification, { to, from }: Pick<Entry, "to" | "from">) {
  const title = headline(notification).replaceAll(control, " ");
  const shown = notification.alerts.slice(0, mostAlerts);
  const more = notification.alerts.length - shown.length;
  const items = shown.map((alert) => ({
    line: alertLine(alert),
    description: alert.description,
    labels: Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`).join(" "),
    since: alert.starts_at,
    url: alertUrl(notification, alert),
  }));
  return {
    from,
    to,
    subject: [...title].slice(0, longestSubject).join(""),
    messageId: `<${notification.id}@eventflow>`,
    date: new Date(notification.created_at),
    headers: { "Auto-Submitted": "auto-generated", "X-EventFlow-Notification": notification.id },
    text: [
      title,
      ...items.map(({ line, description, labels, since, url }) =>
        `${line}\n${description}\n${labels}\nsince ${since}\n${url}`
      ),
      ...(more > 0 ? [`…and ${more} more`] : []),
      `${notification.receiver}: ${notification.reason}`,
    ].join("\n\n"),
    html: `<h2>${escape(title)}</h2>\n<ul>\n${
      items.map(({ line, description, labels, since, url }) =>
        `<li><a href="${escape(url)}">${escape(line)}</a><br>${escape(description)}<br>` +
        `<small>${escape(labels)}<br>since ${escape(since)}</small></li>`
      ).join("\n")
    }\n</ul>\n${more > 0 ? `<p>…and ${more} more</p>\n` : ""}<p><small>${
      escape(`${notification.receiver}: ${notification.reason}`)
    }</small></p>`,
  };
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

/** SMTP's answers: 4yz passes, 5yz stays (RFC 5321, 4.2.1); without an answer it was the network. */
function failureOf(error: unknown, entry: Entry, signal: AbortSignal): DeliveryFailed {
  const where = `Cannot deliver to ${entry.smarthost}`;
  if (signal.aborted) return new DeliveryFailed("retry", "timeout", `${where} in time`);
  const { code, responseCode, message } = error as {
    code?: string;
    responseCode?: number;
    message?: string;
  };
  // The original may repeat what was sent, so it is not the cause.
  const why = redact(String(message ?? error), secretsOf(entry));
  if (code === "ETIMEDOUT") return new DeliveryFailed("retry", "timeout", `${where}: ${why}`);
  if (responseCode === undefined) return new DeliveryFailed("retry", "network", `${where}: ${why}`);
  const kind = responseCode >= 500 ? "final" : "retry";
  const reason = code === "EAUTH" ? "auth" : kind === "final" ? "rejected" : "server";
  return new DeliveryFailed(kind, reason, `${where}: ${why}`);
}

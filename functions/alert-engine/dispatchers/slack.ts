/**
 * Posts notifications to a Slack incoming webhook.
 *
 * Sources: https://docs.slack.dev/messaging/formatting-message-text (escaping),
 * https://docs.slack.dev/apis/web-api/rate-limits (one message a second and channel)
 *
 * @module
 */
import { z } from "zod";
import {
  alertLine,
  alertUrl,
  headline,
  type Notification,
  worstSeverity,
} from "shared/alerting/notification.ts";
import { defineDispatcher } from "./dispatcher.ts";
import { HttpConfig, post, reach, SecretUrl } from "./http.ts";

const Entry = z.strictObject({
  send_resolved: z.boolean().default(false),
  api_url: SecretUrl,
  channel: z.string().optional(),
  username: z.string().optional(),
  icon_emoji: z.string().optional(),
  icon_url: z.string().optional(),
  http_config: HttpConfig.optional(),
});
type Entry = z.infer<typeof Entry>;

/** What Alertmanager's template language would write. */
const templated = [
  "actions",
  "callback_id",
  "color",
  "fallback",
  "fields",
  "footer",
  "image_url",
  "link_names",
  "message_text",
  "mrkdwn_in",
  "pretext",
  "short_fields",
  "text",
  "thumb_url",
  "title",
  "title_link",
  "timeout",
];

const colours = { critical: "#d50200", warning: "#daa038", info: "#439fe0" } as const;
const green = "#2eb67d";

/** Characters of an attachment's text that Slack shows without folding it away. */
const longestText = 2_900;
/** Characters of one line, before escaping. */
const longestLine = 300;

export default defineDispatcher({
  name: "slack",
  entry: Entry,
  ignored: templated,
  inherit: ({ slack_api_url, http_config }) => ({
    api_url: slack_api_url,
    http_config,
  }),
  fromEnvironment: ({ SLACK_WEBHOOK_URL, SLACK_CHANNEL }) =>
    SLACK_WEBHOOK_URL
      ? [{ send_resolved: true, api_url: SLACK_WEBHOOK_URL, channel: SLACK_CHANNEL }]
      : [],
  create: (entry, { fetch }) => ({
    name: "slack",
    destination: `${entry.api_url.reveal()} ${entry.channel ?? ""}`,
    pace_ms: 1_000,
    async dispatch(notification, attempt) {
      await post(entry.api_url, {
        body: JSON.stringify(slackMessage(notification, entry)),
        http_config: entry.http_config,
        attempt,
        fetch,
        headers: {},
      });
    },
    healthCheck: ({ signal }) => reach(entry.api_url, { signal, fetch }),
  }),
});

/** The message; what comes from alerts is escaped and cut to what Slack takes. */
export function slackMessage(
  notification: Notification,
  { channel, username, icon_emoji, icon_url }: Partial<Entry>,
): Record<string, unknown> {
  const title = escape(cut(headline(notification), longestLine));
  return {
    channel,
    username,
    icon_emoji,
    icon_url,
    attachments: [{
      color: notification.status === "resolved" ? green : colours[worstSeverity(notification)],
      fallback: title,
      title,
      title_link: `${notification.external_url}/alerts`,
      text: lines(notification),
      mrkdwn_in: ["text"],
      footer: escape(cut(`${notification.receiver} · ${notification.reason}`, longestLine)),
      ts: Math.floor(notification.created_at / 1_000),
    }],
  };
}

function lines(notification: Notification): string {
  const { alerts } = notification;
  let text = "";
  for (const [i, alert] of alerts.entries()) {
    const detail = alert.description && alert.description !== alert.title
      ? ` — ${escape(cut(alert.description, longestLine))}`
      : "";
    const link = `<${alertUrl(notification, alert)}|${escape(cut(alertLine(alert), longestLine))}>`;
    const line = `${i > 0 ? "\n" : ""}• ${link}${detail}`;
    if (text.length + line.length > longestText) return `${text}\n…and ${alerts.length - i} more`;
    text += line;
  }
  return text;
}

/** Slack's three control characters; a line break or bar inside a link would end it. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll(/\s*\n\s*/g, " ").replaceAll("|", "¦");
}

/** Cut between characters, never inside of one. */
function cut(text: string, length: number): string {
  const characters = [...text];
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : text;
}

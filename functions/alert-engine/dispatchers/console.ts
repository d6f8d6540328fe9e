/** Writes notifications to the log: the channel of a development machine. @module */
import { z } from "zod";
import { alertLine, headline } from "shared/alerting/notification.ts";
import { defineDispatcher } from "./dispatcher.ts";

const Entry = z.strictObject({ send_resolved: z.boolean().default(true) });

export default defineDispatcher({
  name: "console",
  entry: Entry,
  fromEnvironment: ({ ENVIRONMENT }) =>
    ENVIRONMENT === "development" ? [{ send_resolved: true }] : [],
  create: () => ({
    name: "console",
    async dispatch(notification, { log }) {
      const lines = notification.alerts.map((alert) => `\n  ${oneLine(alertLine(alert))}`);
      log.info(`${oneLine(headline(notification))} (${notification.reason})${lines.join("")}`, {
        notification_id: notification.id,
      });
    },
    async healthCheck() {},
  }),
});

/** Without what a terminal would obey. */
function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- they are what is to be removed
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

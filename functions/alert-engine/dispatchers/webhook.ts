/**
 * Posts notifications as Alertmanager's webhook does (version 4), signed where a secret is set.
 *
 * Source of the signature: https://github.com/standard-webhooks/standard-webhooks (specification)
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { z } from "zod";
import { Secret } from "functions/config.ts";
import { webhookBody } from "shared/alerting/notification.ts";
import { defineDispatcher } from "./dispatcher.ts";
import { HttpConfig, post, reach, SecretUrl } from "./http.ts";

const Entry = z.strictObject({
  send_resolved: z.boolean().default(true),
  url: SecretUrl,
  /** Most alerts of one message, 0 for all. */
  max_alerts: z.number().int().min(0).default(0),
  http_config: HttpConfig.optional(),
  /** `whsec_` and base64. */
  secret: z.string().regex(/^whsec_[A-Za-z0-9+/=]+$/, "must be whsec_ followed by base64")
    .transform((text) => new Secret(text)).optional(),
});

export default defineDispatcher({
  name: "webhook",
  entry: Entry,
  ignored: ["timeout", "payload"],
  inherit: ({ http_config }) => ({ http_config }),
  fromEnvironment: ({ WEBHOOK_URLS, WEBHOOK_SECRET }) =>
    WEBHOOK_URLS.map((url) => ({
      send_resolved: true,
      url: new Secret(url),
      max_alerts: 0,
      secret: WEBHOOK_SECRET,
    })),
  create: ({ url, max_alerts, http_config, secret }, { fetch }) => ({
    name: "webhook",
    destination: url.reveal(),
    async dispatch(notification, attempt) {
      const body = JSON.stringify(webhookBody(notification, max_alerts));
      const timestamp = String(Math.floor(attempt.now / 1_000));
      await post(url, {
        body,
        http_config,
        attempt,
        fetch,
        headers: {
          "webhook-id": notification.id,
          "webhook-timestamp": timestamp,
          ...(secret
            ? { "webhook-signature": sign(secret, `${notification.id}.${timestamp}.${body}`) }
            : {}),
        },
      });
    },
    healthCheck: ({ signal }) => reach(url, { signal, fetch }),
  }),
});

function sign(secret: Secret, content: string): string {
  const key = Buffer.from(secret.reveal().slice("whsec_".length), "base64");
  return `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
}

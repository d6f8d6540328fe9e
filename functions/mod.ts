/** The services, in the order data flows: the table of contents. @module */
import type { Service } from "functions/define.ts";
import type { Config } from "./config.ts";
import { simulate } from "./simulate.ts";
import auth from "./auth/profile.ts";
import orders from "./orders/profile.ts";
import payments from "./payments/profile.ts";
import notification from "./notification/profile.ts";
import { ingest } from "./ingest/mod.ts";
import { analyzer } from "./analyzer/mod.ts";
import { alertEngine } from "./alert-engine/mod.ts";
import { uiBackend } from "./ui-backend/mod.ts";
import { dashboard } from "./dashboard/mod.ts";

/** Where the services of this process listen, once they do. */
export type Addresses = ReadonlyMap<string, string>;

/** Every service there is, with the ports of a configuration. */
export function services(config: Config, addresses: Addresses = new Map()): Service[] {
  return [
    simulate(auth, config.AUTH_PORT),
    simulate(orders, config.ORDERS_PORT),
    simulate(payments, config.PAYMENTS_PORT),
    simulate(notification, config.NOTIFICATION_PORT),
    ingest(config),
    analyzer(config),
    alertEngine(config),
    uiBackend(config),
    dashboard(config, addresses),
  ];
}

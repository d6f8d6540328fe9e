/** The functions of the API, in the order that a user meets them. @module */
import type { Config } from "functions/config.ts";
import { defineService, type Service } from "functions/define.ts";
import acknowledgeAlert from "./alerts/acknowledge.ts";
import createRule from "./rules/create.ts";
import createUser from "./users/create.ts";
import dashboardStats from "./stats/dashboard.ts";
import deleteRule from "./rules/delete.ts";
import deleteUser from "./users/delete.ts";
import getAlert from "./alerts/get.ts";
import getRule from "./rules/get.ts";
import health from "./stats/health.ts";
import latestMetrics from "./services/latest.ts";
import listAlerts from "./alerts/list.ts";
import listRules from "./rules/list.ts";
import listServices from "./services/list.ts";
import listLogs from "./logs/list.ts";
import listNotifications from "./notifications/list.ts";
import listUsers from "./users/list.ts";
import liveAlerts from "./live/alerts.ts";
import liveEvents from "./live/events.ts";
import liveLogs from "./live/logs.ts";
import liveMetrics from "./live/metrics.ts";
import liveSocket from "./live/socket.ts";
import login from "./auth/login.ts";
import logout from "./auth/logout.ts";
import recordAlerts from "./alerts/record.ts";
import recordDeadLetters from "./alerts/record_dead_letters.ts";
import refresh from "./auth/refresh.ts";
import replaceRule from "./rules/replace.ts";
import serviceMetrics from "./services/metrics.ts";

/** The REST API and the live updates. */
export function uiBackend(config: Config): Service {
  return defineService({
    name: "ui-backend",
    port: config.UI_BACKEND_PORT,
    api: {
      title: "EventFlow",
      description:
        "Services, metrics, alerts and rules. Log in at /api/auth/login, then send the " +
        "token as a bearer token. Live updates: /ws and /api/live.",
    },
    functions: [
      health,
      login,
      refresh,
      logout,
      dashboardStats,
      listServices,
      serviceMetrics,
      latestMetrics,
      listAlerts,
      getAlert,
      acknowledgeAlert,
      recordAlerts,
      recordDeadLetters,
      listRules,
      createRule,
      getRule,
      replaceRule,
      deleteRule,
      listNotifications,
      listLogs,
      listUsers,
      createUser,
      deleteUser,
      liveSocket,
      liveEvents,
      liveMetrics,
      liveLogs,
      liveAlerts,
    ],
  });
}

/** The functions of the API, in the order that a user meets them. @module */
import type { Config } from "functions/config.ts";
import { defineService, type Service } from "functions/define.ts";
import acknowledgeAlert from "./acknowledge_alert.ts";
import createRule from "./create_rule.ts";
import createUser from "./create_user.ts";
import dashboardStats from "./dashboard_stats.ts";
import deleteRule from "./delete_rule.ts";
import deleteUser from "./delete_user.ts";
import getAlert from "./get_alert.ts";
import getRule from "./get_rule.ts";
import health from "./health.ts";
import latestMetrics from "./latest_metrics.ts";
import listAlerts from "./list_alerts.ts";
import listRules from "./list_rules.ts";
import listServices from "./list_services.ts";
import listUsers from "./list_users.ts";
import liveAlerts from "./live_alerts.ts";
import liveEvents from "./live_events.ts";
import liveLogs from "./live_logs.ts";
import liveMetrics from "./live_metrics.ts";
import liveSocket from "./live_socket.ts";
import login from "./login.ts";
import logout from "./logout.ts";
import recordAlerts from "./record_alerts.ts";
import recordDeadLetters from "./record_dead_letters.ts";
import refresh from "./refresh.ts";
import replaceRule from "./replace_rule.ts";
import serviceMetrics from "./service_metrics.ts";

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

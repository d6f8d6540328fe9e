/** What the dashboard takes the API's answers for is what the API gives: a matter of types. @module */
import type { z } from "zod";
import type { AlertDetail, AlertSummary } from "functions/ui-backend/alerts/alert_record.ts";
import type { LatestMetrics, ServiceView } from "functions/ui-backend/services/service_view.ts";
import type { Session } from "functions/ui-backend/auth/sessions.ts";
import type { Stats } from "functions/ui-backend/stats/stats.ts";
import type * as api from "fresh-dashboard/lib/api.ts";
import type { Tokens } from "fresh-dashboard/session/session.ts";

type Fits<Given extends Wanted, Wanted> = Given;
export type Checked = [
  Fits<Stats, api.Stats>,
  Fits<ServiceView, api.ServiceView>,
  Fits<LatestMetrics, api.LatestMetrics>,
  Fits<AlertSummary, api.AlertSummary>,
  Fits<z.infer<typeof AlertDetail>, api.AlertDetail>,
  Fits<Session, Tokens>,
];

Deno.test("the types of the API fit those of the dashboard", () => {
  // What is tested is that this file compiles.
});

/** The numbers of `docs/LIVE_UPDATES.md` are those of the code. @module */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { closeCodes, highWater, maxAlerts, maxLogs } from "functions/ui-backend/live/client.ts";
import { remembered } from "functions/ui-backend/live/hub.ts";
import { maxClientMessage } from "functions/ui-backend/live/message.ts";

const doc = readFileSync(new URL("../../../docs/LIVE_UPDATES.md", import.meta.url), "utf8")
  .replace(/\s+/g, " ");
const number = (n: number) => n.toLocaleString("en-US");

for (
  const said of [
    `A message has at most ${number(maxClientMessage)} characters`,
    `The last ${number(remembered)} or more alerts and log lines are remembered`,
    `Once ${highWater / 1024} KiB wait for a client`,
    `at most ${number(maxLogs)} log lines wait`,
    `When ${number(maxAlerts)} alerts wait the connection ends (code ${closeCodes.tooSlow})`,
    `When the token expires the connection ends (WebSocket: code ${closeCodes.tokenExpired})`,
  ]
) {
  Deno.test(`the guide says: ${said}`, () => assert(doc.includes(said)));
}

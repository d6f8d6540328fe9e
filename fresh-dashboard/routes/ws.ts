/** Live updates, from `ui-backend` with the session's token. */
import { define } from "../define.ts";
import { proxySocket } from "../session/proxy.ts";

export const handler = define.handlers({ GET: (ctx) => proxySocket(ctx) });

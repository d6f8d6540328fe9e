/** The API for islands, from `ui-backend` with the session's token. */
import { define } from "../../define.ts";
import { proxy } from "../../session/proxy.ts";

export const handler = define.handlers((ctx) => proxy(ctx));

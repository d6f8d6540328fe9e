import { createDefine } from "fresh";
const define = createDefine<{ trail: string[] }>();
export const handler = define.middleware([
  (ctx) => {
    ctx.state.trail.push("things");
    return ctx.next();
  },
  (ctx) => ctx.url.searchParams.has("stop") ? new Response("stopped") : ctx.next(),
]);

import { createDefine } from "fresh";
export const handler = createDefine<object>().handlers((ctx) =>
  new Response(`${ctx.req.method} ${ctx.params.path}`)
);

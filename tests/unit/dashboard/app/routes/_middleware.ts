import { createDefine } from "fresh";
export const handler = createDefine<{ trail: string[] }>().middleware(async (ctx) => {
  ctx.state.trail = ["root"];
  const response = await ctx.next();
  response.headers.set("x-trail", ctx.state.trail.join());
  return response;
});

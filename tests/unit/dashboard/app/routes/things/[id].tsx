import { createDefine, HttpError, page } from "fresh";
import { Head } from "fresh/runtime";
const define = createDefine<object>();
export const handler = define.handlers({
  GET(ctx) {
    if (ctx.params.id === "gone") throw new HttpError(410, "gone for good");
    if (ctx.params.id === "bug") throw new TypeError("secret detail");
    return page({ id: ctx.params.id! }, { status: 203, headers: { "x-own": "1" } });
  },
  POST: (ctx) => ctx.redirect("//evil.example/x", 303),
});
export default define.page<typeof handler>(({ data, params }) => (
  <>
    <Head>
      <title>Thing {data.id}</title>
    </Head>
    <p title={params.id}>{data.id}</p>
  </>
));

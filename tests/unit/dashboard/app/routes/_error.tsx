import { createDefine, HttpError } from "fresh";
export default createDefine<object>().page(({ error }) => (
  <p>{error instanceof HttpError ? `${error.status} ${error.message}` : "a bug"}</p>
));

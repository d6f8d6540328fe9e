/**
 * Whether the session goes on, by the backend's word; asking refreshes it. What the live connection
 * does before it comes back.
 */
import { define } from "../define.ts";

export const handler = define.handlers({
  async GET({ state }) {
    await state.api.alerts({ limit: 1 });
    return Response.json({ user: state.user });
  },
});

/** What a live connection may ask for in its address. @module */
import { z } from "zod";
import type { LiveClient } from "./client.ts";
import { topicTypes } from "./message.ts";
import { anyOf } from "../paging.ts";

export const LiveQuery = z.object({
  types: anyOf(topicTypes),
  services: anyOf(),
  seq: z.coerce.number().int().min(0).optional()
    .describe("The last seq that was seen: what came since is sent first"),
  token: z.string().optional().describe("The access token, where no header can be set"),
});

/** Narrows a new connection to what its address asks for. */
export function narrow(client: LiveClient, { types, services }: z.infer<typeof LiveQuery>): void {
  if (!types && !services) return;
  client.interest.subscribe({
    types: types && [...types],
    services: services && [...services],
  });
}

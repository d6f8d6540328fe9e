/** The embedded store through the contract of all stores. @module */
import { openEmbeddedStore } from "shared/store/embedded.ts";
import { VirtualClock } from "tests/support/virtual_clock.ts";
import { storeContract } from "./store.ts";

storeContract("embedded store", async () => {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-store-" });
  const clock = new VirtualClock();
  let store = openEmbeddedStore({ directory, clock });
  return {
    store,
    now: () => clock.now(),
    pass: (ms) => clock.advance(ms),
    async crash() {
      await store.close();
      return store = openEmbeddedStore({ directory, clock });
    },
    async close() {
      await store.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
});

/** The embedded broker through the contract of all brokers. @module */
import { openEmbeddedBroker } from "shared/broker/embedded.ts";
import { VirtualClock } from "tests/support/virtual_clock.ts";
import { brokerContract } from "./broker.ts";

brokerContract("embedded broker", async () => {
  const directory = await Deno.makeTempDir({ prefix: "eventflow-broker-" });
  const clock = new VirtualClock();
  let broker = openEmbeddedBroker({ directory, clock });
  return {
    broker,
    pass: (ms) => clock.advance(ms),
    async crash() {
      await broker.close();
      return broker = openEmbeddedBroker({ directory, clock });
    },
    async close() {
      await broker.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
});

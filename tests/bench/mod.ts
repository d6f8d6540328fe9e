/**
 * `deno task bench`: prints each speed as a ratio to a baseline of the same run. `--quick` runs
 * less of everything, to see that the benchmarks work; `--kafka` measures the real Kafka and Redis
 * instead.
 *
 * @module
 */
import { benchAnalyzer } from "./analyzer.ts";
import { benchBroker } from "./broker.ts";
import { benchKafka } from "./kafka.ts";
import { benchLatency } from "./latency.ts";
import { benchMemory } from "./memory.ts";

const quick = Deno.args.includes("--quick");
const real = Deno.args.includes("--kafka");
const times = quick ? 1 : real ? 3 : 5;

console.log(`${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}, ${times} rounds`);
if (real) {
  await benchKafka(quick ? 20_000 : 300_000, times, quick ? 10 : 200);
} else {
  await benchBroker(quick ? 5_000 : 50_000, times);
  await benchAnalyzer(quick ? 20_000 : 200_000, 100, times);
  await benchAnalyzer(quick ? 20_000 : 200_000, 1_000, times);
  await benchLatency(quick ? 10 : 200);
  await benchMemory(quick ? 1_000 : 5_000, quick ? 1_000 : 15_000);
}

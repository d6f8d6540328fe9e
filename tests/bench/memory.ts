/** Memory of the program: idle, and for each thousand series that it watches. @module */
import { Api, startProgram } from "tests/support/process.ts";

/** Resident megabytes of a process. */
async function resident(pid: number): Promise<number> {
  // Through a program, since reading there is a permission of its own.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  const status = new TextDecoder().decode(stdout);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Measures against a Deno process that only serves HTTP. */
export async function benchMemory(series: number, idle_ms: number): Promise<void> {
  const bare = new Deno.Command(Deno.execPath(), {
    args: ["eval", "Deno.serve({ port: 0, onListen() {} }, () => new Response())"],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const program = await startProgram();
  await pause(idle_ms);
  const bareSize = await resident(bare.pid);
  const size = await resident(program.pid);
  bare.kill();
  await bare.status;
  await program.stop();
  await Deno.remove(program.directory, { recursive: true });
  console.log(
    `${"memory, all services idle".padEnd(34)} ${size.toFixed(0)} MB (aim 200: ${
      size < 200 ? "met" : "MISSED"
    }), ${(size / bareSize).toFixed(1)} times a bare server (${bareSize.toFixed(0)} MB)`,
  );

  const watching = await startProgram({ environment: { SIMULATORS: "none" } });
  const api = await new Api(watching.address("ui-backend")).login();
  for (let i = 0; i < 10; i++) {
    await api.post("/api/rules", { name: `Rule ${i}`, metric_type: "heat", threshold: 1_000 + i });
  }
  const send = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) {
      for (let from = 0; from < series; from += 1_000) {
        const response = await fetch(`${watching.address("ingest")}/ingest/metrics`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(Array.from({ length: 1_000 }, (_, i) => ({
            service_name: `service-${from + i}`,
            metric_type: "heat",
            value: i,
          }))),
        });
        await response.body?.cancel();
      }
    }
  };
  await pause(2_000);
  const before = await resident(watching.pid);
  await send(30);
  await pause(Math.max(idle_ms, 15_000));
  const after = await resident(watching.pid);
  await watching.stop();
  await Deno.remove(watching.directory, { recursive: true });
  console.log(
    `${"memory per 1,000 series".padEnd(34)} ${
      ((after - before) / (series / 1_000)).toFixed(1)
    } MB, with 30 samples and 10 rules each (${series} series: ${before.toFixed(0)} to ${
      after.toFixed(0)
    } MB)`,
  );
}

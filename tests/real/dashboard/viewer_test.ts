/** What somebody who may only look is offered, and what the platform refuses them. @module */
import assert from "node:assert/strict";
import { isSound, looks, openPage, signIn } from "tests/support/dashboard.ts";
import { alive } from "tests/support/dashboard_stage.ts";
import { type Platform, startPlatform } from "tests/support/platform.ts";
import { eventually } from "tests/support/process.ts";

/** The platform writes its log whenever it likes: reading that belongs to no test. */
const options = { sanitizeOps: false };
const viewer = { username: "vera", password: "only looks", role: "viewer" } as const;
let platform: Platform;
Deno.test.beforeAll(async () => {
  platform = await startPlatform();
  await platform.api.post("/api/users", viewer);
});
Deno.test.afterAll(() => platform.close());

Deno.test(
  "a viewer sees everything, is offered no change, and can force none",
  options,
  async (t) => {
    const { api, address } = platform;
    await platform.metrics({
      service_name: "shop",
      metric_type: "cpu",
      value: 97,
      unit: "percent",
    });
    const [alert] = await eventually(
      () => api.get<{ id: string; acknowledged: boolean }[]>("/api/alerts"),
      (alerts) => alerts.length === 1,
    );
    const { id } = alert!;
    const rule = await api.get<{ name: string; version: number }>("/api/rules/default-cpu");
    const desktop = looks[2]!;
    const { page, complaints, close } = await openPage(platform.browser, desktop);
    await signIn(page, address, viewer.username, viewer.password);

    await t.step("the pages are there, and offer nothing that a viewer may not do", async () => {
      for (
        const [path, heading] of [["/", "Overview"], ["/alerts", "Alerts"], ["/rules", "Rules"]]
      ) {
        await page.goto(address + path);
        await alive(page);
        await page.getByRole("heading", { name: heading!, level: 1 }).waitFor();
        assert.equal(await page.getByRole("button", { name: /acknowledge|delete/i }).count(), 0);
        assert.equal(await page.getByRole("checkbox", { name: /select/i }).count(), 0);
        assert.equal(await page.getByRole("switch").count(), 0);
        assert.equal(await page.getByRole("link", { name: /new rule|duplicate/i }).count(), 0);
        await isSound(page, complaints, desktop.width);
      }
      await page.goto(`${address}/alerts/${id}`);
      await page.getByText("Operators and administrators can acknowledge.").waitFor();
      assert.equal(await page.getByLabel("Note").count(), 0);
      await page.goto(`${address}/rules/default-cpu`);
      await page.getByText("Only administrators can change rules.").waitFor();
      assert(await page.getByLabel("Name").isDisabled());
      assert.equal(await page.getByRole("button", { name: "Save" }).count(), 0);
      assert.deepEqual(complaints.splice(0), []);
    });
    await t.step("requests that the pages do not make are refused", async () => {
      const forged = (method: string, path: string, body: string, type: string) =>
        page.evaluate(
          async ([method, path, body, type]) => {
            const headers = { "content-type": type };
            const answer = await fetch(path, { method, body, headers });
            return answer.status;
          },
          [method, path, body, type] as const,
        );
      const json = "application/json";
      const form = "application/x-www-form-urlencoded";
      const change = JSON.stringify({ ...rule, enabled: false });
      assert.deepEqual(
        {
          acknowledge: await forged("POST", `/api/alerts/${id}/acknowledge`, "{}", json),
          // What pages without scripts send.
          acknowledgeOne: await forged("POST", `/alerts/${id}`, "note=mine", form),
          acknowledgeSeveral: await forged("POST", "/alerts", `id=${id}`, form),
          create: await forged("POST", "/api/rules", change, json),
          replace: await forged("PUT", "/api/rules/default-cpu", change, json),
          delete: await forged("DELETE", "/api/rules/default-cpu", "", json),
          users: await forged(
            "POST",
            "/api/users",
            JSON.stringify({ ...viewer, role: "admin" }),
            json,
          ),
        },
        {
          acknowledge: 403,
          acknowledgeOne: 403,
          acknowledgeSeveral: 403,
          create: 403,
          replace: 403,
          delete: 403,
          users: 403,
        },
      );
      assert.equal((await page.goto(`${address}/rules/new`))!.status(), 403);
    });
    await t.step("nothing has changed", async () => {
      const after = await api.get<{ acknowledged: boolean }>(`/api/alerts/${id}`);
      assert.equal(after.acknowledged, false);
      assert.deepEqual(await api.get("/api/rules/default-cpu"), rule);
    });
    await close();
  },
);

Deno.test("what another site sends in a user's name is refused", options, async () => {
  const { page, close } = await openPage(platform.browser, looks[2]!);
  await signIn(page, platform.address);
  const cookies = await page.context().cookies();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const send = async (headers: Record<string, string>) => {
    const answer = await fetch(`${platform.address}/api/alerts/any/acknowledge`, {
      method: "POST",
      headers: { cookie, "content-type": "application/json", ...headers },
      body: "{}",
    });
    await answer.body?.cancel();
    return answer.status;
  };
  assert.deepEqual(
    {
      foreign: await send({ origin: "https://evil.example" }),
      none: await send({}),
      own: await send({ origin: platform.address }),
    },
    // Ours gets as far as the API, which has no such alert.
    { foreign: 403, none: 403, own: 404 },
  );
  await close();
});

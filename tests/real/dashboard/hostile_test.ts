/**
 * What others may send to break a page, through every real door: names, labels, log lines, rules,
 * notes. Whatever the platform takes is shown as the text that it is.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hostile } from "tests/support/alerts_backend.ts";
import { isSound, looks, openPage, signIn } from "tests/support/dashboard.ts";
import { alive } from "tests/support/dashboard_stage.ts";
import { type Platform, startPlatform, vitalSigns } from "tests/support/platform.ts";
import { eventually } from "tests/support/process.ts";

/** The platform writes its log whenever it likes: reading that belongs to no test. */
const options = { sanitizeOps: false };
/** A comma and a quote besides: names are parts of queries and label sets. */
const evil = (most: number) =>
  `<script>alert(1)</script>,"'\\ ${hostile}`.slice(0, most).padEnd(most, "x");
const service_name = evil(256);
const user = `<img src=x onerror=alert(2)>, "both" & '\u{1f98a}' \u05e9\u05dc\u05d5\u05dd`;
const labels = { [evil(200)]: evil(10_000), part: "</script><script>alert(3)</script>" };
const rule = {
  name: evil(200),
  description: evil(10_000),
  metric_type: evil(250),
  service_name,
  threshold: 1,
  severity: "critical",
  labels: { [`<b>${evil(100)}`]: evil(1_000) },
  annotations: { summary: evil(10_000), [`\u202e${evil(100)}`]: "\u2066\u202e" },
} as const;
let platform: Platform;
let ids: string[] = [];

Deno.test.beforeAll(async () => {
  platform = await startPlatform();
  const { api } = platform;
  await api.post("/api/rules", rule);
  await api.post("/api/rules", { ...rule, name: `2 ${evil(190)}`, labels: {}, annotations: {} });
  await platform.metrics(
    ...vitalSigns(service_name, 0),
    { service_name, metric_type: rule.metric_type, value: 1e300, unit: evil(64), labels },
  );
  // Enough for a burst of errors, whose alert shows them.
  await platform.logs(
    ...Array.from({ length: 12 }, (_, i) => ({
      service_name,
      level: "error",
      message: i ? evil(10_000) : "\u202e\u05e9\u05dc\u05d5\u05dd <img src=x onerror=alert(4)>",
      stack_trace: `</pre>${evil(5_000)}`,
      trace_id: "<b>trace</b>",
    })),
  );
  const alerts = await eventually(
    () => api.get<{ id: string }[]>("/api/alerts"),
    (found) => found.length === 3,
  );
  ids = alerts.map(({ id }) => id);
});
Deno.test.afterAll(() => platform.close());

for (const look of [looks[0]!, looks[2]!]) {
  Deno.test(`hostile texts are only texts at ${look.width} px`, options, async (t) => {
    const { address } = platform;
    const { page, complaints, shoot, close } = await openPage(platform.browser, look);
    await signIn(page, address, user);
    const shown = async (name: string) => {
      await shoot(`real_hostile_${name}`);
      await isSound(page, complaints, look.width);
      assert.equal(await page.evaluate(() => "pwned" in globalThis), false);
      // Ours are in the head or have an address.
      assert.equal(await page.locator("main :is(img, script:not([src], [type]), b, i)").count(), 0);
    };
    const open = async (path: string) => {
      await page.goto(address + path);
      await alive(page);
    };

    await t.step("overview", async () => {
      await open("/");
      await page.getByRole("link", { name: /^<script>alert\(1\)/ }).first().waitFor();
      await shown("overview");
    });
    await t.step("the history leads to the alerts of the service, whatever its name", async () => {
      await page.locator('[aria-labelledby="history"] li a').click();
      await page.waitForURL(/\/alerts\?service=/);
      await page.getByText("1–3 of 3").waitFor();
    });
    await t.step("services, and one of them", async () => {
      await open("/services");
      await shown("services");
      await page.locator("tbody a").first().click();
      await page.getByRole("region", { name: "CPU", exact: true }).waitFor();
      await alive(page);
      const log = page.getByRole("log");
      await log.getByText(/^<script>alert/).first().click();
      await log.locator("details[open] pre", { hasText: "</pre><script>" }).waitFor();
      await shown("service");
    });
    await t.step("alerts", async () => {
      await open("/alerts");
      assert.equal(await page.locator("[data-row]").count(), 3);
      for (const row of await page.locator("[data-row]").all()) {
        const { height } = (await row.boundingBox())!;
        assert(height < 160, `a row is ${height} px tall`);
      }
      await shown("alerts");
    });
    await t.step("each alert, acknowledged by somebody with a name like that", async () => {
      for (const [i, id] of ids.entries()) {
        await open(`/alerts/${id}`);
        await page.getByRole("heading", { name: "Why it fired" }).waitFor();
        if (await page.getByLabel("Note").count() > 0) {
          await page.getByLabel("Note").fill(evil(2_000));
          await page.getByRole("button", { name: "Acknowledge" }).click();
        }
        await page.locator("blockquote").waitFor();
        await page.getByText(user).first().waitFor();
        await shown(`alert_${i}`);
      }
      await open("/alerts");
      await shown("alerts_acknowledged");
    });
    await t.step("rules, and one of them", async () => {
      await open("/rules");
      await shown("rules");
      await page.getByRole("link", { name: /^<script>alert/ }).first().click();
      await page.waitForURL(/\/rules\/.+/);
      await page.getByRole("slider", { name: "Threshold" }).waitFor();
      await shown("rule");
      assert.equal(await page.getByLabel("Name").inputValue(), rule.name);
    });
    await close();
  });
}

Deno.test("what is longer than it may be is refused, with the reason", options, async () => {
  const { api } = platform;
  const status = async (body: object) => {
    const answer = await api.request("POST", "/api/rules", { ...rule, ...body });
    return [answer.status, answer.body.details?.map(({ path }) => path)];
  };
  assert.deepEqual(await status({ name: "x".repeat(201) }), [422, ["name"]]);
  assert.deepEqual(await status({ description: "x".repeat(10_001) }), [422, ["description"]]);
  assert.deepEqual(await status({ labels: { long: "x".repeat(10_001) } }), [422, ["labels.long"]]);
  const at = { metric_type: "cpu", value: 1 };
  await assert.rejects(platform.metrics({ ...at, service_name: "x".repeat(257) }), /service_name/);
  await assert.rejects(
    platform.metrics({ ...at, service_name: "shop", labels: { long: "x".repeat(10_001) } }),
    /labels/,
  );
  // Marks that turn text around could make a name look like another one's.
  const turned = { username: "ann\u202ea", password: "long enough", role: "viewer" };
  assert.equal((await api.request("POST", "/api/users", turned)).status, 422);
});

import assert from "node:assert/strict";
import fc from "fast-check";
import slack, { slackMessage } from "functions/alert-engine/dispatchers/slack.ts";
import { readConfig } from "functions/config.ts";
import { alert, notification, over } from "tests/unit/alerting/samples.ts";
import { attempt, configWith, dispatcherOf, failureOf, shown, web } from "./samples.ts";

interface Attachment {
  color: string;
  title: string;
  text: string;
  fallback: string;
}
const attachmentOf = (given: Parameters<typeof notification>[0]) => {
  const { attachments } = slackMessage(notification(given), {});
  return (attachments as Attachment[])[0]!;
};

Deno.test("posts one attachment to the channel", async () => {
  const server = web();
  await dispatcherOf(slack, { api_url: `${server.url}/T/B/s3cr3t`, channel: "#ops" }).dispatch(
    notification(),
    attempt(),
  );
  const body = JSON.parse(server.got[0]!.body);
  assert.equal(server.got[0]!.path, "/T/B/s3cr3t");
  assert.equal(body.channel, "#ops");
  assert.equal(body.attachments.length, 1);
  assert.match(body.attachments[0].title, /^\[FIRING:1\] service=payments$/);
  assert.match(
    body.attachments[0].text,
    /^• <http:\/\/localhost:3001\/alerts\/[0-9a-f-]+\|critical: HighLatency on payments> — The/,
  );
  await server.close();
});

const colours: [rule: string, given: Parameters<typeof notification>[0], colour: string][] = [
  ["critical", {}, "#d50200"],
  ["warning", { alerts: [alert({ severity: "warning" })] }, "#daa038"],
  ["info", { alerts: [alert({ severity: "info" })] }, "#439fe0"],
  ["resolved is green", { status: "resolved", alerts: [over(alert(), 1)] }, "#2eb67d"],
];
for (const [rule, given, colour] of colours) {
  Deno.test(`colour: ${rule}`, () => assert.equal(attachmentOf(given).color, colour));
}

Deno.test("what comes from alerts cannot mention, link or break out of a link", () => {
  const { text, title } = attachmentOf({
    group_labels: { service: "<!channel>" },
    alerts: [alert({ title: "<!here> & |\nnext", description: "<https://evil|click>" })],
  });
  assert.equal(title, "[FIRING:1] service=&lt;!channel&gt;");
  assert.match(text, /\|critical: &lt;!here&gt; &amp; ¦ next> — &lt;https:\/\/evil¦click&gt;$/);
});

Deno.test("any text stays within what Slack takes, and no escape is cut in half", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.string({ maxLength: 2_000 }), fc.string({ maxLength: 5_000 })), {
      minLength: 1,
      maxLength: 60,
    }),
    (texts) => {
      const alerts = texts.map(([title, description], i) =>
        alert({ name: `A${i}`, title: `&${title}`, description: description.repeat(3) })
      );
      const { text, title, fallback } = attachmentOf({ alerts });
      assert(text.length <= 3_000 && title.length <= 2_000 && fallback.length <= 2_000);
      assert.doesNotMatch(text, /&(?!amp;|lt;|gt;)/);
      assert.doesNotMatch(text.replaceAll(/<http[^<>|]*\|[^<>]*>/g, ""), /[<>]/);
    },
  ));
});

Deno.test("many alerts are counted", () => {
  const alerts = Array.from({ length: 200 }, (_, i) => alert({ name: `A${i}` }));
  const { text } = attachmentOf({ alerts });
  const listed = text.split("\n").length - 1;
  assert(text.endsWith(`…and ${200 - listed} more`));
});

Deno.test("what each status means, and that Slack's wish to wait is handed on", async () => {
  const server = web();
  const dispatcher = dispatcherOf(slack, { api_url: `${server.url}/T000/B000/s3cr3t` });
  const rows: [status: number, kind: string][] = [
    [400, "final"],
    [403, "final"],
    [404, "final"],
    [410, "final"],
    [429, "retry"],
    [500, "retry"],
    [503, "retry"],
  ];
  for (const [status, kind] of rows) {
    server.answer = (request) =>
      new Response(`no_service ${new URL(request.url).pathname}`, {
        status,
        headers: status === 429 ? { "retry-after": "30" } : {},
      });
    const failure = await failureOf(dispatcher.dispatch(notification(), attempt()));
    assert.deepEqual([failure.kind, failure.after_ms], [kind, status === 429 ? 30_000 : undefined]);
    assert(!/s3cr3t|T000|B000/.test(shown(failure)), "leaks no secret in the error");
  }
  await server.close();
  const failure = await failureOf(dispatcher.dispatch(notification(), attempt()));
  assert.equal(failure.reason, "network");
  assert(!/s3cr3t|T000|B000/.test(shown(failure)), "leaks no secret in the error");
});

Deno.test("Alertmanager's defaults hold in a file; the environment's channel is told all", () => {
  const config = configWith(slack, "{slack_api_url: 'https://hooks/x'}", "{channel: '#a'}");
  assert.equal(config.receivers.get("a")![0]!.entry.send_resolved, false);
  assert.throws(() => configWith(slack, "{}", "{channel: '#a'}"), /api_url must be given/);
  const [entry] = slack.fromEnvironment!(readConfig({ SLACK_WEBHOOK_URL: "https://hooks/x" }));
  assert.equal(entry!.send_resolved, true);
  assert.deepEqual(slack.fromEnvironment!(readConfig({})), []);
  assert.equal(dispatcherOf(slack, { api_url: "https://hooks/x" }).pace_ms, 1_000);
});

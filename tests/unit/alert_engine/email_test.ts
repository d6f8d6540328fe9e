import assert from "node:assert/strict";
import { SMTPServer } from "smtp-server";
import email, { mailOf } from "functions/alert-engine/dispatchers/email.ts";
import { readConfig } from "functions/config.ts";
import { alert, notification } from "tests/unit/alerting/samples.ts";
import { attempt, configWith, dispatcherOf, failureOf, recordedLog, shown } from "./samples.ts";

interface Mail {
  text: string;
  from: string;
  to: string[];
  user?: string;
  secure: boolean;
}

/** A mail server that remembers what it got. */
async function smtp(options: Record<string, unknown> = {}) {
  const got: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    // deno-lint-ignore no-explicit-any -- the server's own types
    onData(stream: any, session: any, done: (error?: Error) => void) {
      let text = "";
      stream.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
      stream.on("end", () => {
        got.push({
          text,
          from: session.envelope.mailFrom.address,
          // deno-lint-ignore no-explicit-any -- the server's own types
          to: session.envelope.rcptTo.map((one: any) => one.address),
          user: session.user,
          secure: session.secure,
        });
        done();
      });
    },
    ...options,
  });
  // The clients' broken connections are not what is tested.
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.server.address() as { port: number };
  return {
    got,
    port,
    smarthost: `127.0.0.1:${port}`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

const plain = { disabledCommands: ["STARTTLS", "AUTH"] };
const address = { from: "eventflow@example.org", to: "a@example.org, b@example.org" };

/** The value of a header, unfolded. */
function header(mail: Mail, name: string): string | undefined {
  const [head = ""] = mail.text.split("\r\n\r\n");
  const line = head.replaceAll(/\r\n[ \t]/g, " ").split("\r\n")
    .find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return line?.slice(name.length + 1).trim();
}

Deno.test("sends one message to all, in text and HTML, under the notification's id", async () => {
  const server = await smtp(plain);
  const dispatcher = dispatcherOf(email, {
    ...address,
    smarthost: server.smarthost,
    require_tls: false,
  });
  await dispatcher.healthCheck({ signal: new AbortController().signal });
  await dispatcher.dispatch(notification(), attempt());
  const [mail] = server.got;
  assert.deepEqual([mail!.from, mail!.to], [address.from, ["a@example.org", "b@example.org"]]);
  assert.equal(header(mail!, "Message-ID"), `<${notification().id}@eventflow>`);
  assert.equal(header(mail!, "Subject"), "[FIRING:1] service=payments");
  assert.match(mail!.text, /Content-Type: text\/plain/);
  assert.match(mail!.text, /Content-Type: text\/html/);
  await server.close();
});

Deno.test("logs in, over TLS where it is offered, and a wrong password is final and not shown", async () => {
  const server = await smtp({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth(
      { username, password }: { username: string; password: string },
      _session: unknown,
      done: (error: Error | null, user?: { user: string }) => void,
    ) {
      if (password === "s3cr3t-right") return done(null, { user: username });
      done(new Error(`Wrong password ${password}`));
    },
  });
  const url = (password: string) =>
    email.fromEnvironment!(readConfig({
      SMTP_URL: `smtp://us%40er:${password}@${server.smarthost}`,
      EMAIL_RECIPIENTS: "a@example.org",
      EMAIL_FROM: "eventflow@example.org",
    }));
  const send = (password: string) =>
    email.create(url(password)[0]!, { fetch }).dispatch(notification(), attempt());
  await send("s3cr3t-right");
  assert.deepEqual(server.got.map(({ user, secure }) => [user, secure]), [["us@er", true]]);
  const failure = await failureOf(send("s3cr3t-wrong"));
  assert.deepEqual([failure.kind, failure.reason], ["final", "auth"]);
  assert(!shown(failure).includes("s3cr3t"), shown(failure));
  await server.close();
});

Deno.test("where TLS is required, a server without it or with a wrong certificate gets nothing", async () => {
  const without = await smtp(plain);
  const wrong = await smtp();
  for (const server of [without, wrong]) {
    const failure = await failureOf(
      dispatcherOf(email, { ...address, smarthost: server.smarthost })
        .dispatch(notification(), attempt()),
    );
    assert.equal(failure.kind === "retry" || failure.reason === "rejected", true);
    assert.deepEqual(server.got, []);
  }
  const trusting = dispatcherOf(email, {
    ...address,
    smarthost: wrong.smarthost,
    tls_config: { insecure_skip_verify: true },
  });
  await trusting.dispatch(notification(), attempt());
  assert.equal(wrong.got[0]!.secure, true);
  await without.close();
  await wrong.close();
});

const answers: [code: number, kind: string, reason: string][] = [
  [421, "retry", "server"],
  [450, "retry", "server"],
  [452, "retry", "server"],
  [550, "final", "rejected"],
  [552, "final", "rejected"],
  [554, "final", "rejected"],
];
for (const [responseCode, kind, reason] of answers) {
  Deno.test(`SMTP ${responseCode} is ${kind}`, async () => {
    const server = await smtp({
      ...plain,
      onMailFrom: (_address: unknown, _session: unknown, done: (error?: Error) => void) =>
        done(Object.assign(new Error("no"), { responseCode })),
    });
    const failure = await failureOf(
      dispatcherOf(email, { ...address, smarthost: server.smarthost, require_tls: false })
        .dispatch(notification(), attempt()),
    );
    assert.deepEqual([failure.kind, failure.reason], [kind, reason]);
    await server.close();
  });
}

Deno.test("a recipient that is refused does not keep the message from the others", async () => {
  const server = await smtp({
    ...plain,
    onRcptTo: (
      { address }: { address: string },
      _session: unknown,
      done: (error?: Error) => void,
    ) => done(address.startsWith("b@") ? new Error("unknown") : undefined),
  });
  const { log, lines } = recordedLog();
  await dispatcherOf(email, { ...address, smarthost: server.smarthost, require_tls: false })
    .dispatch(notification(), attempt({ log }));
  assert.deepEqual(server.got[0]!.to, ["a@example.org"]);
  assert.match(lines[0]!, /"level":"warn".*"count":1/);
  await server.close();
});

Deno.test("nobody who listens, and a server that never answers, may come back", async () => {
  const gone = await smtp(plain);
  await gone.close();
  const refused = await failureOf(
    dispatcherOf(email, { ...address, smarthost: gone.smarthost }).dispatch(
      notification(),
      attempt(),
    ),
  );
  assert.deepEqual([refused.kind, refused.reason], ["retry", "network"]);

  const silent = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const accepted = silent.accept();
  const abort = new AbortController();
  const work = failureOf(
    dispatcherOf(email, { ...address, smarthost: `127.0.0.1:${silent.addr.port}` })
      .dispatch(notification(), attempt({ signal: abort.signal })),
  );
  const connection = await accepted;
  abort.abort();
  const late = await work;
  assert.deepEqual([late.kind, late.reason], ["retry", "timeout"]);
  connection.close();
  silent.close();
});

Deno.test("what comes from alerts can neither begin a header nor a tag", async () => {
  const server = await smtp(plain);
  const hostile = notification({
    group_labels: { service: "x\r\nBcc: evil@example.org\r\n\r\nbody" },
    alerts: [alert({ title: "<script>alert('1')</script>", description: '"&<b>' })],
  });
  await dispatcherOf(email, { ...address, smarthost: server.smarthost, require_tls: false })
    .dispatch(hostile, attempt());
  const [mail] = server.got;
  assert.equal(header(mail!, "Bcc"), undefined);
  assert.deepEqual(mail!.to, ["a@example.org", "b@example.org"]);
  assert.equal(header(mail!, "Subject"), "[FIRING:1] service=x Bcc: evil@example.org body");
  const { html } = mailOf(hostile, address);
  assert.doesNotMatch(html, /<script|<b>/);
  assert.match(html, /&lt;script&gt;alert\(&#39;1&#39;\)/);
  await server.close();
});

Deno.test("a file's entries take over what global says; addresses are checked", () => {
  const config = configWith(
    email,
    "{smtp_smarthost: 'mail:25', smtp_from: a@b, smtp_auth_username: u, smtp_auth_password: passw}",
    "{to: c@d}",
  );
  const { entry } = config.receivers.get("a")![0]!;
  assert.deepEqual(JSON.parse(JSON.stringify(entry)), {
    send_resolved: false,
    to: "c@d",
    from: "a@b",
    smarthost: "mail:25",
    hello: "localhost",
    auth_username: "u",
    auth_password: "•••",
    require_tls: true,
  });
  assert.throws(
    () => configWith(email, "{smtp_smarthost: 'mail:25', smtp_from: a@b}", "{to: nobody}"),
    /to must be mail addresses, separated by commas: current value is "nobody"/,
  );
});

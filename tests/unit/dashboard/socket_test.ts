/** The dashboard's WebSocket: joined with the backend's, and with nobody else's. @module */
import assert from "node:assert/strict";
import { dashboard } from "fresh-dashboard/main.ts";
import { FakeBackend } from "tests/support/fake_backend.ts";

Deno.test("live messages pass both ways, with the token from the cookie", async () => {
  const backend = new FakeBackend();
  const address = backend.listen();
  const handler = await dashboard({ backend: () => address });
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => handler(request, { upgrade: (target) => Deno.upgradeWebSocket(target) }),
  );
  const host = `127.0.0.1:${(server.addr as Deno.NetAddr).port}`;
  const login = await fetch(`http://${host}/login`, {
    method: "POST",
    body: new URLSearchParams({ username: "ana", password: "demo" }),
    headers: { "sec-fetch-site": "same-origin" },
    redirect: "manual",
  });
  await login.body?.cancel();
  const cookie = login.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");

  const open = (headers: Record<string, string>) =>
    // Deno's own: a browser sends these by itself.
    new WebSocket(
      `ws://${host}/ws?types=alert&token=of-a-script`,
      { headers } as unknown as string[],
    );
  const failed = (socket: WebSocket) =>
    new Promise<void>((resolve) => {
      socket.onerror = (event) => event.preventDefault();
      socket.onclose = () => resolve();
      socket.onopen = () => assert.fail("it was opened");
    });
  await failed(open({ cookie, origin: "http://evil.example" }));
  await failed(open({ cookie }));
  await failed(open({ origin: `http://${host}` }));
  assert.equal(backend.count("/ws"), 0, "none of them came through");

  const socket = open({ cookie, origin: `http://${host}` });
  const heard: string[] = [];
  const next = async (type: string) => {
    while (!heard.includes(type)) {
      await new Promise<void>((resolve) =>
        socket.onmessage = ({ data }) => {
          heard.push(JSON.parse(data).type);
          resolve();
        }
      );
    }
  };
  const status = next("status");
  await new Promise((resolve) => socket.onopen = resolve);
  // Before the backend's side is open, most likely: it must not be lost.
  socket.send('{"type":"ping"}');
  await status;
  const asked = backend.requests.find(({ method }) => method === "WS")!;
  assert.equal(asked.path, "/ws?types=alert");
  assert.equal(asked.headers.get("cookie"), null);
  await next("pong");
  backend.tell("alert", { id: "a" });
  await next("alert");

  const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
  for (const one of backend.sockets) one.close(4401, "the token has expired");
  assert.equal((await closed).code, 4401);
  await server.shutdown();
  await backend.close();
});

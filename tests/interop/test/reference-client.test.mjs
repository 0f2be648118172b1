// The published reference client of the original, as it comes from npm, against the real binary.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { Client, deviceIdentity } from "../lib/client.mjs";
import { Gateway } from "../lib/gateway.mjs";
import { Notebook } from "../lib/schema.mjs";
import { Vendor } from "../lib/vendor.mjs";

const OPERATOR = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];

describe("the reference client", () => {
  let vendor;
  let gateway;
  const notebook = new Notebook();
  const clients = [];
  const connect = async (options) => {
    const client = await Client.connect(gateway, notebook, options);
    clients.push(client);
    return client;
  };

  before(async () => {
    vendor = await Vendor.start();
    gateway = await Gateway.start({ config: vendor.config });
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await gateway?.stop();
    await vendor?.stop();
  });

  it("connects with the shared token and reads health and status", async () => {
    const client = await connect({ scopes: OPERATOR });
    assert.equal(client.hello.protocol, 4);
    assert.equal(client.hello.auth.method, "token");
    assert.equal((await client.request("health")).ok, true);
    assert.ok((await client.request("status")).runtimeVersion);
    assert.ok(Array.isArray(await client.request("system-presence")));
    await assert.rejects(client.request("no.such.method"), /unknown method: no\.such\.method/);
    await assert.rejects(client.request("chat.send", { sessionKey: "main", message: "x" }), /idempotencyKey/);
  });

  it("offers only methods that it handles", async () => {
    const client = await connect({ scopes: OPERATOR });
    for (const method of ["chat.send", "agent", "sessions.list", "config.get", "health"]) {
      assert.ok(client.hello.features.methods.includes(method), method);
    }
    await assert.rejects(client.request("board.get", { sessionKey: "main" }), (error) => {
      assert.match(error.message, /not built/);
      return true;
    });
  });

  it("pairs a device silently on loopback and comes back with its device token", async () => {
    const identity = deviceIdentity();
    const tokens = new Map();
    const options = { identity, tokens, scopes: ["operator.read", "operator.write"], clientName: "openclaw-tui", mode: "ui" };
    const first = await connect(options);
    const issued = first.hello.auth.deviceToken;
    assert.ok(issued);
    assert.equal(tokens.get("operator").token, issued);
    await first.stop();

    const second = await connect({ ...options, token: undefined });
    assert.equal(second.hello.auth.method, "device-token");
    assert.equal(second.hello.auth.deviceToken, issued, "the same token comes back");
    assert.equal((await second.request("health")).ok, true);
  });

  it("streams a chat in order, with growing text, one final and no gap", async () => {
    const client = await connect({ scopes: OPERATOR, caps: ["tool-events"] });
    await client.request("sessions.subscribe");
    const runId = randomUUID();
    const ended = client.until(client.chat(runId, "final"));
    const started = await client.request("chat.send", { sessionKey: "main", message: "hello ref", idempotencyKey: runId });
    assert.deepEqual([started.runId, started.status], [runId, "started"]);
    const final = await ended;
    assert.equal(final.payload.message.content[0].text, "Hello from the fake model.");

    const run = client.events.filter((frame) => ["chat", "agent"].includes(frame.event) && frame.payload.runId === runId);
    const deltas = run.filter((frame) => frame.payload.state === "delta").map((frame) => frame.payload.deltaText);
    assert.equal(deltas.join(""), "Hello from the fake model.");
    assert.equal(run.filter((frame) => ["final", "error", "aborted"].includes(frame.payload.state)).length, 1);
    assert.equal(client.gaps.length, 0);

    const history = await client.request("chat.history", { sessionKey: "main", limit: 50 });
    assert.deepEqual(history.messages.slice(-2).map((message) => message.role), ["user", "assistant"]);
    const again = await client.request("chat.send", { sessionKey: "main", message: "hello ref", idempotencyKey: runId });
    assert.notEqual(again.status, "started", "the same key never runs twice");
    assert.equal(vendor.requests.length, 1);
  });

  it("runs a tool for the model and answers `agent` twice", async () => {
    vendor.next({ tool: { name: "exec", args: { command: "echo from-the-tool" } } });
    const client = await connect({ scopes: OPERATOR, caps: ["tool-events"] });
    const key = randomUUID();
    const accepted = [];
    const final = await client.request(
      "agent",
      { message: "use a tool", sessionKey: "agent:main:tools", idempotencyKey: key, deliver: false },
      { expectFinal: true, onAccepted: (payload) => accepted.push(payload) },
    );
    assert.equal(final.status, "ok");
    assert.equal(final.result.payloads[0].text, "Hello from the fake model.");
    const toolMessage = vendor.requests.at(-1).messages.find((message) => message.role === "tool");
    assert.match(JSON.stringify(toolMessage), /from-the-tool/);
    const phases = client.events
      .filter((frame) => frame.event === "agent" && frame.payload.stream === "tool" && frame.payload.runId === key)
      .map((frame) => frame.payload.data.phase);
    assert.equal(phases[0], "start");
    assert.equal(phases.at(-1), "result");
  });

  it("aborts a run in the middle and keeps what was said", async () => {
    let release;
    vendor.next({ hold: new Promise((resolve) => (release = resolve)) });
    const client = await connect({ scopes: OPERATOR });
    const runId = randomUUID();
    const speaking = client.until(client.chat(runId, "delta"));
    const over = client.until(client.chat(runId, "aborted"));
    await client.request("chat.send", { sessionKey: "agent:main:abort", message: "go", idempotencyKey: runId });
    await speaking;
    const aborted = await client.request("chat.abort", { sessionKey: "agent:main:abort", runId });
    assert.deepEqual([aborted.ok, aborted.aborted, aborted.runIds], [true, true, [runId]]);
    const end = await over;
    release();
    assert.equal(end.payload.stopReason, "rpc");
    assert.equal(end.payload.message.content[0].text, "Hello");
  });

  it("lets two clients see each other and the same chat", async () => {
    const one = await connect({ scopes: OPERATOR });
    const two = await connect({
      identity: deviceIdentity(),
      scopes: ["operator.read", "operator.write"],
      clientName: "openclaw-tui",
      mode: "ui",
    });
    const presence = await one.request("system-presence");
    assert.ok(presence.some((row) => row.mode === "ui"), JSON.stringify(presence));
    const runId = randomUUID();
    const seen = two.until(two.chat(runId, "final"));
    await one.request("chat.send", { sessionKey: "main", message: "both see it", idempotencyKey: runId });
    assert.equal((await seen).payload.sessionKey, "agent:main:main");
  });

  it("survives a restart in between: the client comes back by itself and the history is there", async () => {
    const client = await connect({ scopes: OPERATOR });
    const before = await client.request("chat.history", { sessionKey: "main", limit: 50 });
    const back = client.until((frame) => frame.event === "hello");
    await gateway.restart();
    await back;
    const afterwards = await client.request("chat.history", { sessionKey: "main", limit: 50 });
    assert.deepEqual(afterwards.messages, before.messages);
    assert.equal(client.hellos.length, 2);
  });

  it("refuses a wrong token with the code clients branch on", async () => {
    await assert.rejects(connect({ token: `${gateway.token}x`, scopes: OPERATOR }), (error) => {
      assert.match(error.message, /gateway token mismatch/);
      return true;
    });
  });

  it("never sent a frame that the published schema refuses", () => {
    assert.ok(notebook.frames.length > 100, `only ${notebook.frames.length} frames were judged`);
    assert.deepEqual(notebook.verdict(), []);
  });
});

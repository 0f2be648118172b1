// The original's node host against our Gateway, and ours against the original's: N-2, N-3.9, N-3.13, N-10.15, N-10.17, N-11.5.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Client, deviceIdentity } from "../lib/client.mjs";
import { Gateway } from "../lib/gateway.mjs";
import { gateway as originalGateway, isInstalled, Original, version } from "../lib/original.mjs";
import { Notebook } from "../lib/schema.mjs";

const SCOPES = ["operator.read", "operator.write", "operator.pairing", "operator.admin"];
const WAIT_MS = 60_000;
const skip = isInstalled ? false : "the original is not installed: `make interop` says why";
const RESULTS = new URL("../original/last.json", import.meta.url);

// What a machine that offers commands must do at any Gateway.
async function goesThroughItsLife(operator) {
  const pending = await eventually(async () => (await operator.request("node.pair.list", {})).pending[0]);
  const before = await operator.request("node.describe", { nodeId: pending.nodeId });
  assert.deepEqual(before.commands, [], "nothing may be used before a person has said so");
  await operator.request("node.pair.approve", { requestId: pending.requestId });
  const invoke = (command, params) =>
    operator.request("node.invoke", { nodeId: pending.nodeId, command, params, idempotencyKey: crypto.randomUUID() });
  const which = await eventually(() => invoke("system.which", { bins: ["sh", "no-such-program"] }).catch(() => undefined));
  assert.deepEqual(Object.keys(which.payload.bins), ["sh"]);
  const run = await invoke("system.run", { command: ["/bin/echo", "from afar"] });
  const { exitCode, success, stdout, timedOut } = run.payload;
  assert.deepEqual({ exitCode, success, stdout, timedOut }, { exitCode: 0, success: true, stdout: "from afar\n", timedOut: false });
  return pending;
}

async function eventually(look) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(Date.now() < deadline, "it did not come in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// The last result stands in the docs; it is written only when asked, and must be true otherwise.
function stands(what) {
  const line = { what, with: version };
  const recorded = JSON.parse(readFileSync(RESULTS));
  if (process.env.UPDATE_DIFFERENCES) {
    const others = recorded.filter((other) => other.what !== what);
    writeFileSync(RESULTS, `${JSON.stringify([...others, line], null, 2)}\n`);
    return;
  }
  assert.ok(recorded.some((other) => other.what === what && other.with === version), `${what} with ${version} is not recorded`);
}

describe("the original's node host at our Gateway", { skip }, () => {
  const notebook = new Notebook();
  let gateway;
  let operator;
  let host;

  before(async () => {
    gateway = await Gateway.start();
    operator = await Client.connect(gateway, notebook, { identity: deviceIdentity(), scopes: SCOPES });
    const where = ["--host", "127.0.0.1", "--port", `${gateway.port}`, "--display-name", "original"];
    host = new Original(["node", "run", ...where], { env: { OPENCLAW_GATEWAY_TOKEN: gateway.token } });
  });
  after(async () => {
    await operator?.stop();
    await host?.stop();
    await gateway?.stop();
  });

  it("pairs, is approved, and answers system.which and system.run", async () => {
    const node = await goesThroughItsLife(operator).catch((error) => {
      throw new Error(`${error.message}\n${host.output}`, { cause: error });
    });
    assert.equal(node.displayName, "original");
    stands("the original's node host pairs with our Gateway, is approved, answers system.which and system.run");
  });
});

describe("our node host at the original's Gateway", { skip }, () => {
  const notebook = new Notebook();
  let gateway;
  let operator;
  let home;
  let host;
  let log = "";

  before(async () => {
    gateway = await originalGateway();
    operator = await Client.connect(gateway, notebook, { identity: deviceIdentity(), scopes: SCOPES });
    home = mkdtempSync(join(tmpdir(), "openclaw-interop-home-"));
    writeFileSync(join(home, "token"), gateway.token, { mode: 0o600 });
    // The owner of the machine lets everything run: whom its Gateway asks is another matter.
    const approvals = { version: 1, defaults: { security: "full", ask: "off" } };
    writeFileSync(join(home, "exec-approvals.json"), JSON.stringify(approvals), { mode: 0o600 });
    const env = { PATH: process.env.PATH, HOME: home, OPENCLAW_STATE_DIR: home };
    const where = ["--host", "127.0.0.1", "--port", `${gateway.port}`, "--token-file", join(home, "token")];
    host = spawn(process.env.OPENCLAW_BIN, ["node", "run", ...where, "--display-name", "ours"], { env, stdio: ["ignore", "ignore", "pipe"] });
    host.stderr.on("data", (part) => (log += part));
  });
  after(async () => {
    await operator?.stop();
    if (host) {
      const ended = once(host, "exit");
      if (host.exitCode === null) host.kill("SIGTERM");
      if (host.exitCode === null) await ended;
    }
    await gateway?.stop();
    if (home) rmSync(home, { recursive: true, force: true });
  });

  it("pairs, is approved, and answers system.which and system.run", async () => {
    const node = await goesThroughItsLife(operator).catch((error) => {
      throw new Error(`${error.message}\n${log}\n${gateway.output.slice(-4000)}`, { cause: error });
    });
    assert.equal(node.displayName, "ours");
    stands("our node host pairs with the original's Gateway, is approved, answers system.which and system.run");
  });
});

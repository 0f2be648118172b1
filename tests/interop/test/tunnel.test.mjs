// The published reference client through a port that `openclaw tunnel up` keeps, with a real sshd in between: SSH-13, SSH-8.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { Client, deviceIdentity } from "../lib/client.mjs";
import { Gateway } from "../lib/gateway.mjs";
import { Notebook } from "../lib/schema.mjs";
import { Sshd } from "../lib/sshd.mjs";

const TAKES_MS = 60_000;

describe("the reference client through a tunnel", () => {
  const notebook = new Notebook();
  let gateway;
  let sshd;
  let home;
  let tunnel;

  // A laptop that knows of the far host what `ssh` knows, and nothing else.
  const laptop = async (...args) => {
    // No connection is shared, so that none outlives the test.
    const env = { PATH: process.env.PATH, HOME: home, OPENCLAW_SSH_CONFIG: sshd.config, OPENCLAW_SSH_KEEP: "0" };
    const { stdout } = await promisify(execFile)(process.env.OPENCLAW_BIN, [...args, "--json"], { env, timeout: TAKES_MS });
    return JSON.parse(stdout);
  };

  before(async () => {
    [gateway, sshd] = await Promise.all([Gateway.start(), Sshd.start()]);
    home = mkdtempSync(join(tmpdir(), "openclaw-interop-home-"));
    const up = await laptop("tunnel", "up", sshd.target, "--remote-port", `${gateway.port}`, "--local-port", "0");
    tunnel = up.tunnel;
  });
  after(async () => {
    if (tunnel) await laptop("tunnel", "down", "--all");
    await sshd?.stop();
    await gateway?.stop();
    if (home) rmSync(home, { recursive: true, force: true });
  });

  const connect = (options) =>
    Client.connect({ url: tunnel.url, token: gateway.token }, notebook, { scopes: ["operator.read", "operator.write"], ...options });

  it("connects, asks, and chats", async () => {
    assert.notEqual(tunnel.localPort, gateway.port);
    const client = await connect({ identity: deviceIdentity() });
    assert.equal((await client.request("health")).ok, true);
    const runId = "through-the-tunnel";
    const final = client.until(client.chat(runId, "final"));
    await client.request("chat.send", { sessionKey: "main", message: "hello", idempotencyKey: runId });
    assert.equal((await final).payload.state, "final");
    await client.stop();
  });

  it("is refused with a wrong token, in the words of the protocol", async () => {
    await assert.rejects(connect({ token: "another-token-0123456789abcdef" }), (error) => {
      assert.equal(error.details?.code, "AUTH_TOKEN_MISMATCH", `${error}`);
      return true;
    });
  });

  it("comes back by itself when the Gateway restarts behind it", async () => {
    const client = await connect();
    const again = client.until((frame) => frame.event === "hello");
    await gateway.restart();
    await again;
    assert.equal((await client.request("health")).ok, true);
    await client.stop();
  });
});

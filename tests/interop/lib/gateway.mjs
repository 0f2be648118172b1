// Starts the real binary on a state folder of its own, waits until it answers, and stops it by pid.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BINARY = process.env.OPENCLAW_BIN;
const READY_WITHIN_MS = 20_000;

export async function freePort() {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

export class Gateway {
  // `config` is merged over a minimal one with a shared token.
  static async start({ config = {}, env = {}, folder, port } = {}) {
    if (!BINARY) throw new Error("OPENCLAW_BIN names no binary; run `make test`");
    const gateway = new Gateway();
    gateway.folder = folder ?? mkdtempSync(join(tmpdir(), "openclaw-interop-"));
    gateway.port = port ?? (await freePort());
    gateway.token = "interop-token-0123456789abcdef-0123456789";
    gateway.env = env;
    gateway.isTls = config.gateway?.tls?.enabled === true;
    mkdirSync(join(gateway.folder, "state"), { recursive: true, mode: 0o700 });
    const whole = {
      ...config,
      gateway: { mode: "local", port: gateway.port, bind: "loopback", auth: { mode: "token", token: gateway.token }, ...config.gateway },
    };
    writeFileSync(join(gateway.folder, "openclaw.json"), JSON.stringify(whole, null, 2), { mode: 0o600 });
    await gateway.boot();
    return gateway;
  }

  get url() {
    return `${this.isTls ? "wss" : "ws"}://127.0.0.1:${this.port}`;
  }

  async boot() {
    const env = {
      PATH: process.env.PATH,
      HOME: this.folder,
      OPENCLAW_STATE_DIR: this.folder,
      OPENCLAW_CONFIG_PATH: join(this.folder, "openclaw.json"),
      NO_COLOR: "1",
      ...this.env,
    };
    this.output = "";
    this.child = spawn(BINARY, ["gateway", "run"], { env, stdio: ["ignore", "pipe", "pipe"] });
    this.exited = once(this.child, "exit");
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (part) => (this.output += part));
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await this.answers())) {
      if (this.child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the Gateway did not come up (exit ${this.child.exitCode}):\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async answers() {
    if (this.isTls) return this.answersTls();
    try {
      const reply = await fetch(`http://127.0.0.1:${this.port}/startupz`);
      return reply.status === 200;
    } catch {
      return false;
    }
  }

  // Whoever shows whatever certificate: this only asks whether it is up.
  answersTls() {
    return new Promise((resolve) => {
      const url = `https://127.0.0.1:${this.port}/startupz`;
      const request = https.get(url, { rejectUnauthorized: false, agent: false }, (reply) => {
        reply.resume();
        resolve(reply.statusCode === 200);
      });
      request.on("error", () => resolve(false));
    });
  }

  async signal(name) {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill(name);
      await this.exited;
    }
  }

  async restart(signal = "SIGTERM") {
    await this.signal(signal);
    await this.boot();
  }

  async stop() {
    await this.signal("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

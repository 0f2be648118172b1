// The original itself, from npm: large, so it is installed into the build cache and asked for by a variable.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "./gateway.mjs";

const FOLDER = process.env.OPENCLAW_ORIGINAL;
// A cold start of its Gateway reads some hundred megabytes.
const READY_WITHIN_MS = 120_000;
const TOKEN = "interop-token-0123456789abcdef-0123456789";

export const isInstalled = Boolean(FOLDER);
export const version = FOLDER ? JSON.parse(readFileSync(join(FOLDER, "node_modules/openclaw/package.json"))).version : undefined;

// One process of it, with a home of its own.
export class Original {
  // What a person would type after `openclaw`.
  constructor(args, { home, env = {} } = {}) {
    this.home = home ?? mkdtempSync(join(tmpdir(), "openclaw-original-"));
    const node = process.execPath;
    const all = {
      // Its own children are started by the same node.
      PATH: `${dirname(createRequire(import.meta.url).resolve("node/package.json"))}/bin:${process.env.PATH}`,
      HOME: this.home,
      OPENCLAW_STATE_DIR: this.home,
      OPENCLAW_CONFIG_PATH: join(this.home, "openclaw.json"),
      NO_COLOR: "1",
      ...env,
    };
    this.output = "";
    this.child = spawn(node, [join(FOLDER, "node_modules/openclaw/openclaw.mjs"), ...args], {
      env: all,
      // A group of its own: it starts children of which only it knows.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.exited = once(this.child, "exit");
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (part) => (this.output += part));
  }

  async until(isReady) {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await isReady())) {
      if (this.child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the original did not get there (exit ${this.child.exitCode}):\n${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop() {
    try {
      process.kill(-this.child.pid, "SIGKILL");
    } catch (gone) {
      if (gone.code !== "ESRCH") throw gone;
    }
    if (this.child.exitCode === null && this.child.signalCode === null) await this.exited;
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

// Its Gateway, listening.
export async function gateway() {
  const home = mkdtempSync(join(tmpdir(), "openclaw-original-"));
  const port = await freePort();
  mkdirSync(home, { recursive: true });
  const auth = { mode: "token", token: TOKEN };
  const config = { gateway: { mode: "local", port, bind: "loopback", auth }, discovery: { mdns: { mode: "off" } } };
  writeFileSync(join(home, "openclaw.json"), JSON.stringify(config), { mode: 0o600 });
  const process = new Original(["gateway", "run"], { home });
  process.port = port;
  process.url = `ws://127.0.0.1:${port}`;
  process.token = TOKEN;
  try {
    await process.until(() => fetch(`http://127.0.0.1:${port}/health`).then((reply) => reply.ok).catch(() => false));
  } catch (failed) {
    await process.stop();
    throw failed;
  }
  return process;
}

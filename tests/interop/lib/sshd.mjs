// A real sshd on loopback with keys of its own, and the ssh_config that reaches it; stopped by pid.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { freePort } from "./gateway.mjs";

const READY_WITHIN_MS = 20_000;
const PLACES = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];

export class Sshd {
  static async start() {
    const program = PLACES.find((path) => existsSync(path));
    if (!program) throw new Error("sshd is not there: install openssh-server");
    const sshd = new Sshd();
    sshd.folder = mkdtempSync(join(tmpdir(), "openclaw-interop-sshd-"));
    sshd.port = await freePort();
    for (const key of ["host_key", "client_key"]) {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", sshd.path(key)]);
    }
    copyFileSync(sshd.path("client_key.pub"), sshd.path("authorized_keys"));
    // Only root's sshd separates privileges, into a folder that distributions make at boot.
    if (process.getuid() === 0) mkdirSync("/run/sshd", { recursive: true });
    sshd.write();
    // Into a file: a login that outlives a test would hold a pipe open.
    const args = ["-D", "-E", sshd.path("log"), "-f", sshd.path("sshd_config")];
    sshd.child = spawn(program, args, { stdio: "ignore" });
    sshd.exited = once(sshd.child, "exit");
    await sshd.ready();
    return sshd;
  }

  get target() {
    return `${userInfo().username}@127.0.0.1:${this.port}`;
  }

  get config() {
    return this.path("ssh_config");
  }

  path(name) {
    return join(this.folder, name);
  }

  write() {
    const server = [
      `Port ${this.port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${this.path("host_key")}`,
      `AuthorizedKeysFile ${this.path("authorized_keys")}`,
      "PidFile none",
      "UsePAM no",
      "StrictModes no",
      "PermitRootLogin yes",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
    ];
    const client = [
      "Host *",
      `  IdentityFile ${this.path("client_key")}`,
      "  IdentitiesOnly yes",
      "  IdentityAgent none",
      `  UserKnownHostsFile ${this.path("known_hosts")}`,
      "  GlobalKnownHostsFile /dev/null",
    ];
    writeFileSync(this.path("sshd_config"), server.join("\n") + "\n");
    writeFileSync(this.config, client.join("\n") + "\n");
    const key = readFileSync(this.path("host_key.pub"), "utf8");
    writeFileSync(this.path("known_hosts"), `[127.0.0.1]:${this.port} ${key}`);
  }

  async ready() {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await this.answers())) {
      if (this.child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`sshd did not come up:\n${readFileSync(this.path("log"), "utf8")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  answers() {
    return new Promise((resolve) => {
      const socket = net.connect(this.port, "127.0.0.1", () => resolve(true));
      socket.on("connect", () => socket.destroy());
      socket.on("error", () => resolve(false));
    });
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGKILL");
      await this.exited;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

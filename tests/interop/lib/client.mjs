// The published reference client, with a device key in memory and every frame written into a notebook.

import { GatewayClient } from "@openclaw/gateway-client";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";

const WAIT_MS = 30_000;

export function deviceIdentity() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  return {
    deviceId: createHash("sha256").update(raw).digest("hex"),
    publicKeyPem: publicKey.export({ format: "pem", type: "spki" }),
    privateKeyPem: privateKey.export({ format: "pem", type: "pkcs8" }),
  };
}

export const rawPublicKey = (pem) =>
  createPublicKey(pem).export({ format: "der", type: "spki" }).subarray(-32).toString("base64url");

export const signText = (pem, text) => sign(null, Buffer.from(text), createPrivateKey(pem)).toString("base64url");

export class Client {
  // Resolves once hello-ok arrived; rejects with the refusal.
  static async connect(gateway, notebook, options = {}) {
    const client = new Client(gateway, notebook, options);
    try {
      await client.open();
    } catch (refusal) {
      // It would go on dialling, and keep the process alive.
      await client.stop();
      throw refusal;
    }
    return client;
  }

  constructor(gateway, notebook, { tokens = new Map(), identity, ...options }) {
    this.notebook = notebook;
    this.events = [];
    this.gaps = [];
    this.hellos = [];
    this.waiting = [];
    this.tokens = tokens;
    const hostDeps = {
      signDevicePayload: signText,
      publicKeyRawBase64UrlFromPem: rawPublicKey,
      loadDeviceAuthToken: ({ role }) => this.tokens.get(role) ?? null,
      storeDeviceAuthToken: ({ role, token, scopes }) => this.tokens.set(role, { token, scopes }),
      clearDeviceAuthToken: ({ role }) => this.tokens.delete(role),
    };
    this.inner = new GatewayClient({
      url: gateway.url,
      token: gateway.token,
      requestTimeoutMs: WAIT_MS,
      minProtocol: 4,
      maxProtocol: 4,
      ...(identity ? { deviceIdentity: identity } : { deviceIdentity: null }),
      hostDeps,
      onEvent: (frame) => this.receive(frame),
      onGap: (gap) => this.gaps.push(gap),
      onHelloOk: (hello) => this.greet(hello),
      onConnectError: (error) => this.refuse?.(error),
      onClose: (code, reason) => this.settle({ event: "close", payload: { code, reason } }),
      ...options,
    });
  }

  open() {
    const hello = new Promise((resolve, reject) => {
      this.welcome = resolve;
      this.refuse = reject;
    });
    this.inner.start();
    return hello;
  }

  greet(hello) {
    this.notebook?.result("connect", hello);
    this.hellos.push(hello);
    this.hello = hello;
    this.welcome?.(hello);
    this.settle({ event: "hello", payload: hello });
  }

  receive(frame) {
    this.notebook?.event(frame);
    this.events.push(frame);
    this.settle(frame);
  }

  settle(frame) {
    for (const wait of [...this.waiting]) wait(frame);
  }

  // The next frame (from now, or among those already seen with `seen: true`) that `test` accepts.
  until(test, { seen = false } = {}) {
    const already = seen && this.events.find(test);
    if (already) return Promise.resolve(already);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(look), 1);
        reject(new Error(`waited ${WAIT_MS} ms; last events: ${this.events.slice(-8).map((e) => e.event)}`));
      }, WAIT_MS);
      const look = (frame) => {
        if (!test(frame)) return;
        clearTimeout(timer);
        this.waiting.splice(this.waiting.indexOf(look), 1);
        resolve(frame);
      };
      this.waiting.push(look);
    });
  }

  async request(method, params = {}, options = {}) {
    const payload = await this.inner.request(method, params, options);
    this.notebook?.result(method, payload);
    return payload;
  }

  chat(runId, state) {
    return (frame) => frame.event === "chat" && frame.payload.runId === runId && (!state || frame.payload.state === state);
  }

  stop() {
    return this.inner.stopAndWait({ timeoutMs: 2_000 });
  }
}

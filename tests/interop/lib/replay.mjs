// Plays the client's side of a recorded transcript against our Gateway, frame by frame, and pairs every recorded
// answer with ours. Secrets in recordings are placeholders; ids that the Gateway chose are rewritten to the ones ours
// chose, and device proofs are signed anew with a key of the test's own.

import { readFileSync } from "node:fs";
import WebSocket from "ws";
import { deviceIdentity, rawPublicKey, signText } from "./client.mjs";

// How long an answer may take before it counts as missing; no recorded request waits longer for its first answer.
const ANSWER_WITHIN_MS = 20_000;
// States of a `chat` event that end a run.
const ENDS = new Set(["final", "aborted", "error"]);
// Values under these keys are chosen by the Gateway and named again by the client later.
const CHOSEN = new Set(["requestId", "sessionId", "messageId", "deltaCursor", "runId", "leafEntryId", "activeLeafEntryId", "id", "hash"]);

export function readTranscript(file) {
  return readFileSync(file, "utf8").trim().split("\n").map((line) => JSON.parse(line));
}

const connectionOf = (line) => `${line.cmd ?? ""}#${line.conn ?? line.client}`;

export class Replay {
  constructor(gateway) {
    this.gateway = gateway;
    this.bound = new Map([["<GATEWAY_TOKEN>", gateway.token]]);
    this.identities = new Map();
    this.sockets = new Map();
    this.answers = [];
    this.events = [];
    this.runs = new Set();
    this.onEvent = () => {};
  }

  async run(lines) {
    for (const line of lines) await this.play(line, lines);
    for (const { socket } of this.sockets.values()) socket.terminate();
    return this;
  }

  async play(line, lines) {
    if (line.injected || line.http) return;
    const name = connectionOf(line);
    if (line.close !== undefined) {
      if (line.dir?.startsWith("c")) this.sockets.get(name)?.socket.terminate();
      return;
    }
    const frame = line.frame;
    if (line.open || (frame?.event === "connect.challenge" && !this.sockets.get(name)?.fresh)) {
      await this.open(name, line.open?.headers);
    }
    if (!frame) return;
    const connection = this.sockets.get(name);
    if (frame.event === "connect.challenge") {
      connection.fresh = false;
      connection.recordedChallenge = frame.payload;
    } else if (line.dir.startsWith("client")) {
      this.send(connection, frame, lines);
    } else if (frame.type === "res") {
      await this.pair(connection, frame);
    } else if (frame.event === "chat" && this.runs.has(frame.payload.runId)) {
      const { runId, state } = frame.payload;
      if (ENDS.has(state)) await this.shown(runId, (ours) => ENDS.has(ours));
      else if (state === "delta") await this.shown(runId, (ours) => ours === "delta" || ENDS.has(ours));
    }
  }

  // A chat from before the recording began: recorded clients found a main session with some history.
  async history() {
    const before = { type: "req", id: "before", method: "chat.send", params: { sessionKey: "main", message: "hello", idempotencyKey: "before" } };
    const client = { id: "gateway-client", version: "1.0.0", platform: "linux", mode: "backend" };
    const auth = { token: this.gateway.token };
    const params = { minProtocol: 4, maxProtocol: 4, client, role: "operator", scopes: ["operator.write"], caps: [], auth };
    await this.open("before");
    const { socket } = this.sockets.get("before");
    socket.send(JSON.stringify({ type: "req", id: "connect", method: "connect", params }));
    socket.send(JSON.stringify(before));
    await this.shown("before", (state) => ENDS.has(state));
    socket.terminate();
    this.events = [];
    return this;
  }

  // What a client says next depends on how far a run is, so ours must have come as far.
  async shown(run, far) {
    const deadline = Date.now() + ANSWER_WITHIN_MS;
    const seen = () => this.events.some(({ event, payload }) => event === "chat" && payload.runId === run && far(payload.state));
    while (!seen() && Date.now() < deadline) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, deadline - Date.now());
        this.onEvent = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async open(name, headers = {}) {
    // A browser's page comes from the Gateway it talks to, whatever port that has.
    const page = headers.origin && `http://127.0.0.1:${this.gateway.port}`;
    const socket = new WebSocket(this.gateway.url, { perMessageDeflate: false, ...(page ? { origin: page } : {}) });
    const connection = { socket, name, fresh: true, methods: new Map(), inbox: [], wake: () => {}, closed: false };
    this.sockets.set(name, connection);
    const challenged = new Promise((resolve, reject) => {
      connection.challenged = resolve;
      socket.on("error", reject);
    });
    socket.on("close", (code, reason) => {
      connection.closed = { code, reason: reason.toString() };
      connection.wake();
    });
    socket.on("message", (text) => {
      const frame = JSON.parse(text.toString());
      if (frame.event === "connect.challenge") {
        connection.challenge = frame.payload;
        connection.challenged();
      } else if (frame.type === "event") {
        this.events.push(frame);
        this.onEvent();
      } else {
        connection.inbox.push(frame);
        connection.wake();
      }
    });
    await challenged;
  }

  send(connection, frame, lines) {
    const ours = this.rewrite(structuredClone(frame));
    if (frame.method === "connect" && frame.params?.device) this.prove(connection, frame, ours, lines);
    // The answer a page took this id from is trimmed in some recordings; a live page names the newest it was told.
    const expected = frame.params?.expectedLeafEntryId;
    if (expected && !this.bound.has(expected)) ours.params.expectedLeafEntryId = this.leaf;
    connection.methods.set(frame.id, frame.method);
    if (frame.params?.idempotencyKey) this.runs.add(frame.params.idempotencyKey);
    if (connection.socket.readyState === WebSocket.OPEN) connection.socket.send(JSON.stringify(ours));
  }

  // Signs the proof anew, and lies where the recorded client lied.
  prove(connection, recorded, ours, lines) {
    const claimed = recorded.params.device;
    const refusal = lines.find((line) => line.frame?.type === "res" && connectionOf(line) === connection.name && line.frame.id === recorded.id);
    const why = refusal?.frame.error?.details?.code ?? "";
    const identity = this.identity(claimed.publicKey);
    const device = ours.params.device;
    device.publicKey = rawPublicKey(identity.publicKeyPem);
    device.id = why === "DEVICE_AUTH_DEVICE_ID_MISMATCH" ? "0".repeat(64) : identity.deviceId;
    this.bound.set(claimed.id, device.id);
    device.signedAt = claimed.signedAt - connection.recordedChallenge.ts + connection.challenge.ts;
    if (claimed.nonce === connection.recordedChallenge.nonce) device.nonce = connection.challenge.nonce;
    const { client, role = "operator", scopes = [], auth = {} } = ours.params;
    const token = auth.token ?? auth.deviceToken ?? auth.bootstrapToken ?? "";
    const fold = (text) => (text ?? "").trim().toLowerCase();
    const text = ["v3", device.id, client.id, client.mode, role, scopes.join(","), device.signedAt, token, device.nonce,
      fold(client.platform), fold(client.deviceFamily)].join("|");
    device.signature = why === "DEVICE_AUTH_SIGNATURE_INVALID" ? "AAAA" : signText(identity.privateKeyPem, text);
  }

  identity(placeholder) {
    if (!this.identities.has(placeholder)) this.identities.set(placeholder, deviceIdentity());
    return this.identities.get(placeholder);
  }

  async pair(connection, recorded) {
    const method = connection.methods.get(recorded.id);
    if (!method) return;
    const ours = await this.take(connection, this.rewrite(recorded.id));
    if (ours?.ok) this.bind(recorded.payload, ours.payload);
    else if (ours) this.bind(recorded.error?.details, ours.error?.details);
    this.leaf = ours?.payload?.sessionInfo?.activeLeafEntryId ?? this.leaf;
    this.answers.push({ method, recorded, ours, closed: connection.closed, on: connection.name });
  }

  async take(connection, id) {
    const deadline = Date.now() + ANSWER_WITHIN_MS;
    for (;;) {
      const at = connection.inbox.findIndex((frame) => frame.id === id);
      if (at >= 0) return connection.inbox.splice(at, 1)[0];
      if (connection.closed || Date.now() > deadline) return undefined;
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, deadline - Date.now());
        connection.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  bind(recorded, ours, key = "") {
    if (typeof recorded === "string" && typeof ours === "string") {
      if (CHOSEN.has(key) || /^<DEVICE_TOKEN_\d+>$/.test(recorded)) this.bound.set(recorded, ours);
    } else if (Array.isArray(recorded) && Array.isArray(ours)) {
      recorded.forEach((item, at) => this.bind(item, ours[at], key));
    } else if (recorded && ours && typeof recorded === "object" && typeof ours === "object") {
      for (const name of Object.keys(recorded)) this.bind(recorded[name], ours[name], name);
    }
  }

  rewrite(value) {
    if (typeof value === "string") {
      if (this.bound.has(value)) return this.bound.get(value);
      return value.replace(/<GATEWAY_TOKEN>/g, this.gateway.token);
    }
    if (Array.isArray(value)) return value.map((item) => this.rewrite(item));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, this.rewrite(child)]));
    }
    return value;
  }
}

// The published reference client over wss, with its own pin option, against a certificate the binary made.

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Client } from "../lib/client.mjs";
import { Gateway } from "../lib/gateway.mjs";
import { Notebook } from "../lib/schema.mjs";

describe("the reference client over TLS", () => {
  let gateway;
  let fingerprint;
  const notebook = new Notebook();
  const connect = (options) => Client.connect(gateway, notebook, { scopes: ["operator.read"], ...options });

  before(async () => {
    gateway = await Gateway.start({ config: { gateway: { tls: { enabled: true } } } });
    const pem = readFileSync(join(gateway.folder, "gateway", "tls", "gateway-cert.pem"));
    fingerprint = new X509Certificate(pem).fingerprint256;
  });
  after(() => gateway?.stop());

  it("connects with the fingerprint in the forms it accepts", async () => {
    for (const form of [fingerprint, fingerprint.replaceAll(":", "").toLowerCase(), `sha256:${fingerprint}`]) {
      const client = await connect({ tlsFingerprint: form });
      assert.equal((await client.request("health")).ok, true);
      await client.stop();
    }
  });

  it("refuses another fingerprint before it sends anything", async () => {
    await assert.rejects(connect({ tlsFingerprint: "ab".repeat(32) }), /fingerprint/);
  });
});

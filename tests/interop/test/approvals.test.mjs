// Questions to people, asked and answered by the published reference client, every typed frame judged by the schema.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Client } from "../lib/client.mjs";
import { Gateway } from "../lib/gateway.mjs";
import { Notebook } from "../lib/schema.mjs";

const scopes = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];
const plan = { argv: ["/bin/sh", "-lc", "make"], cwd: "/src", commandText: "make", agentId: null, sessionKey: null };
const question = { host: "node", nodeId: "n", systemRunPlan: plan, agentId: "main", sessionKey: "main", ask: "on-miss" };

describe("approvals", () => {
  let gateway;
  const notebook = new Notebook();
  const clients = [];
  const connect = async (caps) => {
    const client = await Client.connect(gateway, notebook, { scopes, caps });
    clients.push(client);
    return client;
  };

  before(async () => (gateway = await Gateway.start()));
  after(async () => {
    await Promise.all(clients.map((client) => client.stop()));
    await gateway?.stop();
  });

  it("asks, decides and remembers in the schema's words", async () => {
    const asker = await connect([]);
    const nobody = await asker.request("exec.approval.request", question);
    assert.deepEqual([nobody.decision, nobody.terminalReason], [null, "no-route"]);

    const judge = await connect(["approvals"]);
    const followed = await judge.request("sessions.messages.subscribe", { key: "main", includeApprovals: true });
    notebook.note("SessionApprovalReplay", "replay of nothing", followed.approvalReplay);
    const accepted = [];
    const decided = asker.request(
      "exec.approval.request",
      { ...question, twoPhase: true },
      { expectFinal: true, onAccepted: (payload) => accepted.push(payload) },
    );
    const asked = await judge.until((frame) => frame.event === "exec.approval.requested", { seen: true });
    const { id } = asked.payload;
    const again = await judge.request("sessions.messages.subscribe", { key: "main", includeApprovals: true });
    notebook.note("SessionApprovalReplay", "replay of one", again.approvalReplay);
    assert.equal(again.approvalReplay.approvals[0].id, id);
    await judge.request("approval.get", { id });
    const verdict = await judge.request("approval.resolve", { id, kind: "exec", decision: "allow-once" });
    assert.equal(verdict.applied, true);
    assert.equal((await decided).decision, "allow-once");
    assert.equal(accepted[0].id, id);
    const isOver = (frame) => frame.event === "session.approval" && frame.payload.phase === "terminal";
    await judge.until(isOver, { seen: true });
    await assert.rejects(judge.request("exec.approval.resolve", { id, decision: "deny" }), (error) => {
      assert.equal(error.details.reason, "APPROVAL_ALREADY_RESOLVED");
      return true;
    });
    const late = await asker.request("exec.approval.request", { ...question, timeoutMs: 1 });
    assert.equal(late.terminalReason, "timeout");
    const history = await judge.request("approval.history", { limit: 2 });
    assert.deepEqual(history.items.map((item) => item.status), ["expired", "allowed"]);
    const rest = await judge.request("approval.history", { limit: 2, cursor: history.nextCursor });
    assert.deepEqual(rest.items.map((item) => item.status), ["denied"]);
  });

  it("sent nothing the published schema refuses", () => {
    assert.ok(notebook.frames.includes("event session.approval"));
    assert.deepEqual(notebook.verdict(), []);
  });
});

// Every recorded session of a real client, played against our Gateway. Answers must agree in success, error code and
// shape; what differs is listed in differences.json, one entry a difference, with its reason. UPDATE_DIFFERENCES=1
// rewrites the list, keeping the reasons that still apply; an entry without a reason fails.

import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { Gateway } from "../lib/gateway.mjs";
import { eventDefinition, isForbidden } from "../lib/schema.mjs";
import { Replay, readTranscript } from "../lib/replay.mjs";
import { Shape } from "../lib/shape.mjs";
import { Vendor } from "../lib/vendor.mjs";

const folder = new URL("../transcripts/", import.meta.url);
const listFile = new URL("../differences.json", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));

const kindOf = (frame) => {
  const { state, stream, data } = frame.payload ?? {};
  return ["event", frame.event, state ?? stream, data?.phase].filter(Boolean).join(" ");
};

// The payload without what the published schema does not allow in it: the original merges a session's row into `agent`
// events, whose schema is closed.
const lawful = ({ event, payload }) => {
  const definition = eventDefinition(event);
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !isForbidden(definition, name)));
};

describe("recorded clients", () => {
  const recorded = new Map();
  const ours = new Map();
  const differences = [];
  const shapeIn = (map, where) => map.get(where) ?? map.set(where, new Shape()).get(where);

  for (const file of files) {
    it(`${file} replays to the end`, async () => {
      const vendor = await Vendor.start();
      const gateway = await Gateway.start({ config: vendor.config });
      try {
        const lines = readTranscript(new URL(file, folder));
        const replay = await (await new Replay(gateway).history()).run(lines);
        for (const answer of replay.answers) compare(file, answer);
        for (const { frame, injected } of lines) {
          if (frame?.type === "event" && !injected) shapeIn(recorded, kindOf(frame)).add(lawful(frame));
        }
        for (const frame of replay.events) shapeIn(ours, kindOf(frame)).add(frame.payload);
        assert.ok(replay.answers.length > 0);
      } finally {
        await gateway.stop();
        await vendor.stop();
      }
    });
  }

  function compare(file, { method, recorded: was, ours: is }) {
    const note = (path, kind) => differences.push({ where: method, path, kind });
    if (!is) return note("/", "no answer");
    if (was.ok !== is.ok) return note("/", was.ok ? `refused ${is.error.code}${detail(is)}` : "allowed");
    if (!was.ok) {
      const codes = (frame) => `${frame.error.code}${detail(frame)}`;
      if (codes(was) !== codes(is)) note("/error", `${codes(was)} became ${codes(is)}`);
      return;
    }
    shapeIn(recorded, method).add(was.payload);
    shapeIn(ours, method).add(is.payload);
  }

  const detail = (frame) => (frame.error.details?.code ? `/${frame.error.details.code}` : "");

  it("differ only where differences.json says so, and why", () => {
    for (const [where, shape] of recorded) {
      const mine = ours.get(where);
      if (!mine) {
        if (where.startsWith("event ")) differences.push({ where, path: "/", kind: "event not seen" });
        continue;
      }
      for (const row of shape.differences(mine)) differences.push({ where, ...row });
    }
    const keyOf = (row) => `${row.where} ${row.path} ${row.kind}`;
    const found = new Map(differences.map((row) => [keyOf(row), row]));
    const listed = new Map(JSON.parse(readFileSync(listFile, "utf8")).map((row) => [keyOf(row), row]));
    if (process.env.UPDATE_DIFFERENCES) {
      const rows = [...found].sort(([a], [b]) => a.localeCompare(b)).map(([key, row]) => ({ ...row, reason: listed.get(key)?.reason ?? "" }));
      writeFileSync(listFile, `[\n${rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n")}\n]\n`);
      return;
    }
    assert.deepEqual([...found.keys()].filter((key) => !listed.has(key)), [], "differences that nobody listed");
    assert.deepEqual([...listed.keys()].filter((key) => !found.has(key)), [], "listed differences that are gone");
    assert.deepEqual([...listed.values()].filter((row) => !row.reason).map(keyOf), [], "differences without a reason");
  });
});

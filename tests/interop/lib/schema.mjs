// The published schema as a judge of what our Gateway sends. Properties the original also sends beyond its own schema
// are listed one by one in schema-additions.json with the reason; everything else must validate.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const Ajv = require("ajv").default;
const schema = JSON.parse(
  readFileSync(new URL("../node_modules/@openclaw/gateway-protocol/protocol.schema.json", import.meta.url)),
);
const additions = JSON.parse(readFileSync(new URL("../schema-additions.json", import.meta.url)));

const ajv = new Ajv({ strict: false, allErrors: true, discriminator: false });
const compiled = new Map();

const pascal = (name) => name.split(/[.-]/).map((word) => word[0].toUpperCase() + word.slice(1)).join("");

function validator(definition) {
  if (!schema.definitions[definition]) return undefined;
  if (!compiled.has(definition)) {
    compiled.set(definition, ajv.compile({ ...schema.definitions[definition], definitions: schema.definitions }));
  }
  return compiled.get(definition);
}

const EVENT_NAMES = { chat: "ChatEvent", agent: "AgentEvent", tick: "TickEvent", shutdown: "ShutdownEvent" };

// Which definition types a result or an event, by the schema's own naming; undefined where it types none.
export function resultDefinition(method) {
  if (method === "connect") return "HelloOk";
  return [`${pascal(method)}Result`].find((name) => schema.definitions[name]);
}

export function eventDefinition(event) {
  const named = EVENT_NAMES[event] ?? `${pascal(event)}Event`;
  return schema.definitions[named] ? named : undefined;
}

// Whether the schema of what is `named` closes its top level and has no place for this property: then the original
// breaks its own schema with it, and whoever keeps to the schema cannot have it.
export function isForbidden(definition, property) {
  const { additionalProperties, properties = {} } = schema.definitions[definition] ?? {};
  return additionalProperties === false && !(property in properties);
}

// Every sentence that is wrong with `value`, after the listed additions are forgiven.
export function complaints(definition, value) {
  const check = validator(definition);
  if (!check || check(value)) return [];
  const forgiven = new Set(additions[definition]?.map((row) => `${row.at}/${row.property}`));
  const real = check.errors.filter((error) => {
    if (error.keyword !== "additionalProperties") return true;
    const at = error.instancePath.replace(/\/\d+(?=\/|$)/g, "/*");
    return !forgiven.has(`${at}/${error.params.additionalProperty}`);
  });
  // A union that fails only because of forgiven properties in the fitting branch is fine too.
  const onlyUnions = real.every((error) => ["anyOf", "oneOf", "const", "required", "not"].includes(error.keyword));
  if (onlyUnions && real.some((error) => ["anyOf", "oneOf"].includes(error.keyword)) && forgiven.size > 0) {
    const { [Symbol.iterator]: _unused, ...copy } = structuredClone(value);
    for (const row of additions[definition]) prune(copy, row.at.split("/").slice(1), row.property);
    return check(copy) ? [] : check.errors.map(sentence);
  }
  return real.map(sentence);
}

function prune(value, path, property) {
  if (value === null || typeof value !== "object") return;
  if (path.length === 0) return void delete value[property];
  const [head, ...rest] = path;
  const children = head === "*" ? Object.values(value) : [value[head]];
  for (const child of children) prune(child, rest, property);
}

const sentence = (error) => `at ${error.instancePath || "root"}: ${error.message} ${JSON.stringify(error.params)}`;

// A notebook of everything one test received; `verdict()` names every frame the schema refuses.
export class Notebook {
  frames = [];
  bad = [];

  result(method, payload) {
    this.note(resultDefinition(method), `result of ${method}`, payload);
  }

  event(frame) {
    this.note("EventFrame", `frame of event ${frame.event}`, frame);
    this.note(eventDefinition(frame.event), `event ${frame.event}`, frame.payload);
  }

  note(definition, what, value) {
    if (!definition) return;
    this.frames.push(what);
    for (const complaint of complaints(definition, value)) this.bad.push(`${what} (${definition}) ${complaint}`);
  }

  verdict() {
    return [...new Set(this.bad)];
  }
}

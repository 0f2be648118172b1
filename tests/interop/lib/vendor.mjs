// A model vendor that speaks OpenAI chat completions over a real socket. A script decides each answer; a held answer
// waits until the test lets it go, so nothing depends on time.

import { once } from "node:events";
import http from "node:http";

export class Vendor {
  static async start() {
    const vendor = new Vendor();
    vendor.requests = [];
    vendor.script = [];
    vendor.server = http.createServer((request, response) => vendor.answer(request, response));
    vendor.server.listen(0, "127.0.0.1");
    await once(vendor.server, "listening");
    return vendor;
  }

  // The config of the recordings, with this vendor as the Gateway's model.
  get config() {
    const baseUrl = `http://127.0.0.1:${this.server.address().port}/v1`;
    const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
    const model = { id: "fake-1", name: "Fake One", reasoning: false, input: ["text"], cost, contextWindow: 120000, maxTokens: 8192 };
    return {
      models: { mode: "merge", providers: { fake: { baseUrl, apiKey: "fake-key", api: "openai-completions", models: [model] } } },
      agents: { defaults: { model: { primary: "fake/fake-1" }, skipBootstrap: true } },
      tools: { exec: { security: "full" } },
      update: { checkOnStart: false },
      channels: {},
    };
  }

  // Queues an answer: `{ text }` in pieces, `{ tool: { name, args } }`, `{ status }`; `hold` is a promise to wait for
  // after the first piece.
  next(answer) {
    this.script.push(answer);
    return this;
  }

  // What the recorded vendor did when it was asked for a tool or for slowness; a slow answer lasts until its client goes.
  static unscripted(asked, response) {
    const last = asked.messages.at(-1);
    const said = typeof last.content === "string" ? last.content : JSON.stringify(last.content);
    if (last.role === "user" && said.includes("usetool")) return { tool: { name: "exec", args: { command: "printf 'tool output'" } } };
    if (last.role === "user" && said.includes("slowly")) return { hold: once(response, "close") };
    return {};
  }

  async answer(request, response) {
    let body = "";
    for await (const part of request) body += part;
    if (request.method !== "POST") return response.writeHead(404).end();
    const asked = JSON.parse(body);
    this.requests.push(asked);
    const { text = ["Hello", " from", " the", " fake", " model."], tool, status, hold, broken } = this.script.shift() ?? Vendor.unscripted(asked, response);
    if (status) {
      response.writeHead(status, { "content-type": "application/json" });
      return response.end(JSON.stringify({ error: { message: "the fake vendor refuses", type: "fake" } }));
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (delta, finish = null, extra = {}) => {
      const choices = [{ index: 0, delta, finish_reason: finish }];
      response.write(`data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", model: "fake-1", choices, ...extra })}\n\n`);
    };
    send({ role: "assistant", content: "" });
    if (tool) {
      const call = { index: 0, id: "call_1", type: "function", function: { name: tool.name, arguments: JSON.stringify(tool.args) } };
      send({ tool_calls: [call] });
      send({}, "tool_calls");
    } else {
      for (const [at, piece] of text.entries()) {
        send({ content: piece });
        if (at === 0 && hold) await hold;
      }
      if (broken) return response.destroy();
      send({}, "stop");
    }
    const usage = { prompt_tokens: 10, completion_tokens: 6, total_tokens: 16 };
    response.write(`data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", model: "fake-1", choices: [], usage })}\n\n`);
    response.end("data: [DONE]\n\n");
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}

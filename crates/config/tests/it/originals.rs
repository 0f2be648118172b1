//! Configs as users of the original have them: they load as they are.

use crate::loaded;

/// CFG-1, CFG-3, CFG-9, A-1.2, A-13.1, A-13.2: a file with every section of the original, ours and not, loads without a word.
#[test]
fn a_config_of_the_original_loads_untouched() {
    let text = r#"{
  // written by onboarding
  meta: { lastTouchedVersion: "2026.9.6", lastTouchedAt: "2026-09-20T10:00:00.000Z" },
  wizard: { lastRunAt: "2026-09-20T10:00:00.000Z", lastRunCommand: "onboard", lastRunMode: "local" },
  env: { vars: { GROQ_API_KEY: "gsk" }, shellEnv: { enabled: true, timeoutMs: 15000 } },
  diagnostics: { enabled: false },
  logging: { level: "info", file: "/tmp/openclaw.log", consoleLevel: "warn", consoleStyle: "pretty", redactSensitive: "tools" },
  update: { channel: "stable", checkOnStart: false },
  browser: { enabled: true, headless: true, profiles: { openclaw: { cdpPort: 18800, color: "FF4500" } } },
  ui: { seamColor: "FF4500", assistant: { name: "Claw" } },
  auth: { profiles: { "anthropic:default": { provider: "anthropic", mode: "api_key" } }, order: { anthropic: ["anthropic:default"] } },
  models: { mode: "merge", providers: { local: {
    baseUrl: "http://127.0.0.1:1234/v1", apiKey: "${GROQ_API_KEY}", api: "openai-completions", timeoutSeconds: 120,
    headers: { "X-Team": "a" },
    models: [{ id: "m", name: "M", reasoning: false, input: ["text", "image"],
      cost: { input: 0, output: 0.5, cacheRead: 0, cacheWrite: 0 }, contextWindow: 120000, maxTokens: 8192,
      compat: { maxTokensField: "max_tokens", supportsDeveloperRole: false } }] } } },
  agents: {
    defaults: {
      workspace: "~/.openclaw/workspace", model: { primary: "local/m", fallbacks: ["anthropic/claude"] },
      models: { "local/m": { alias: "m", params: { temperature: 0.2 } } }, imageModel: "local/m",
      userTimezone: "Europe/Berlin", timeFormat: "auto", thinkingDefault: "low", timeoutSeconds: 600, maxConcurrent: 4,
      subagents: { maxConcurrent: 8 }, heartbeat: { every: "30m", target: "last" }, compaction: { mode: "safeguard" },
      sandbox: { mode: "non-main", scope: "agent", workspaceAccess: "none", docker: { image: "x" } },
      memorySearch: { enabled: true }, blockStreamingDefault: "off", contextPruning: { mode: "cache-ttl", ttl: "1h" } },
    list: [{ id: "Work", default: true, name: "Work", identity: { name: "W", emoji: "x" }, groupChat: { mentionPatterns: ["@w"] } }],
    entries: { main: {}, "home": { model: "local/m", tools: { profile: "coding", deny: ["exec"] } } } },
  tools: { profile: "coding", allow: ["exec"], deny: ["browser"], exec: { security: "full", ask: "off", timeoutSec: 60, backgroundMs: 5000 },
    web: { search: { provider: "brave", apiKey: "k" }, fetch: { enabled: true } }, elevated: { enabled: false, allowFrom: { telegram: ["1"] } },
    agentToAgent: { enabled: false }, byProvider: { "local/m": { profile: "minimal" } } },
  bindings: [{ agentId: "work", match: { channel: "telegram", peer: { kind: "direct", id: "1" } } }],
  messages: { queue: { mode: "steer+backlog", byChannel: { telegram: "queue" }, debounceMs: 1000, cap: 20, drop: "summarize" },
    ackReactionScope: "group-mentions", groupChat: { historyLimit: 50 }, tts: { auto: "off" } },
  commands: { native: "auto", nativeSkills: "auto", restart: true, ownerAllowFrom: ["telegram:1"], ownerDisplay: "raw" },
  session: { scope: "per-sender", dmScope: "per-channel-peer", identityLinks: { me: ["telegram:1"] },
    reset: { mode: "daily", atHour: 4 }, resetByType: { group: { mode: "idle", idleMinutes: 60 } }, store: "x", typingMode: "instant" },
  channels: { telegram: { enabled: true, botToken: "123:abc", dmPolicy: "pairing", groups: { "*": { requireMention: true } } } },
  cron: { enabled: true, maxConcurrentRuns: 2 },
  hooks: { enabled: true, path: "/hooks", token: "hook-secret", internal: { enabled: true } },
  talk: { interruptOnSpeech: true }, plugins: { entries: { x: { enabled: true } } }, skills: { entries: { s: { apiKey: "k" } } },
  approvals: { exec: { enabled: false } }, memory: {}, mcp: { servers: {} }, secrets: { providers: {} }, web: { enabled: true },
  gateway: { mode: "local", port: 18789, bind: "loopback", auth: { mode: "token", token: "t", allowTailscale: true,
      rateLimit: { maxAttempts: 10, windowMs: 60000, lockoutMs: 300000, exemptLoopback: true } },
    trustedProxies: ["10.0.0.0/8", "::1"], tailscale: { mode: "off", resetOnExit: false },
    controlUi: { enabled: true, basePath: "/openclaw", allowedOrigins: ["https://a.example"], allowInsecureAuth: true },
    remote: { url: "wss://r.example", token: { source: "env", provider: "default", id: "R_TOKEN" }, sshTarget: "me@r" },
    reload: { mode: "hot", debounceMs: 300 }, nodes: { denyCommands: ["camera.snap"], browser: { mode: "auto" } },
    tls: { enabled: false, somethingNew: 1 }, http: { endpoints: { chatCompletions: { enabled: true, maxBodyBytes: 1 } },
      securityHeaders: { strictTransportSecurity: false } } },
  discovery: { mdns: { mode: "minimal" }, wideArea: { enabled: false } },
}"#;
    let loaded = loaded(text);
    let told: Vec<_> = loaded.warnings.iter().map(|warning| warning.path.as_str()).collect();
    let idle = ["gateway.tailscale.resetOnExit", "gateway.controlUi.allowInsecureAuth", "gateway.reload.debounceMs"];
    assert_eq!(told, idle, "nothing but the keys without effect is worth a warning");
    let config = &loaded.config;
    assert_eq!(config.models.providers["local"].api_key.as_ref().unwrap().expose(), "gsk");
    assert_eq!(
        config.agents.entries.iter().map(|agent| agent.id.as_str()).collect::<Vec<_>>(),
        ["Work", "main", "home"]
    );
    assert_eq!(config.agents.default_entry().unwrap().id, "Work");
    assert_eq!(config.messages.queue.by_channel["telegram"], config::QueueMode::Steer);
    assert_eq!(config.gateway.nodes.commands.deny, ["camera.snap"]);
    assert_eq!(config.agents.defaults.timeout.as_secs(), 600);
    assert_eq!(config.gateway.reload.mode, config::ReloadMode::Hybrid);
    assert_eq!(config.secrets.check("gateway.remote.token").unwrap_err().path, "gateway.remote.token");
}

/// CFG-3: the config that was measured, byte for byte.
#[test]
fn the_measured_config_loads() {
    let text = "{ gateway: { mode: \"local\", port: 18789, bind: \"loopback\", auth: { mode: \"token\", token: \"t0\" } },\n  agents: { defaults: { model: { primary: \"fake/fake-1\" }, skipBootstrap: true } },\n  models: { mode: \"merge\", providers: { fake: { baseUrl: \"http://127.0.0.1:8000/v1\", apiKey: \"k\", api: \"openai-completions\", models: [ { id: \"fake-1\", name: \"Fake One\", reasoning: false, input: [\"text\"], cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }, contextWindow: 120000, maxTokens: 8192 } ] } } },\n  update: { checkOnStart: false },\n  channels: {} }\n";
    let loaded = loaded(text);
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.agents.defaults.model.as_ref().unwrap().primary, "fake/fake-1");
    assert_eq!(loaded.config.models.providers["fake"].models[0].context_window, Some(120_000));
    let shown = config::redact_text(text);
    assert_eq!(
        shown,
        text.replace("\"t0\"", "\"__OPENCLAW_REDACTED__\"").replace("\"k\"", "\"__OPENCLAW_REDACTED__\"")
    );
}

//! `openclaw.json`: typed sections, loading, editing.
//!
//! [`load`] reads the file and answers with values to run on or with everything that is wrong, each with path, line and
//! likely spelling. [`edit::apply`] changes the file and leaves every byte alone that it was not asked to change.
//! [`refusals`] says which combinations the daemon would not start on; the same list serves the daemon, `config set` and
//! `config validate`. What is in the file and what the program runs on are two things: the file is JSON5 held against
//! the schema, the program gets [`Config`].

mod channel_rules;
mod check;
pub mod edit;
mod effective;
mod include;
mod ip_range;
mod legacy;
mod load;
mod lower;
mod outdated;
pub mod path;
mod problem;
mod redact;
mod refusals;
pub mod reload;
mod report;
mod rules;
mod schema;
mod secrets;
mod substitute;
mod text;

pub use effective::{
    EffectiveAuth, SecretSource, Sourced, StartOverrides, custom_host, effective_auth, effective_bind, effective_port,
    effective_tailscale, in_container, is_exposed,
};
pub use ip_range::{BadIpRange, IpRange};
pub use load::{Loaded, hash, load, load_text};
pub use outdated::{Outdated, outdated, suggested};
pub use path::Path;
pub use problem::{Problem, Problems};
pub use redact::{is_sensitive, redact, redact_text};
pub use refusals::{Refusal, may_start, refusals};
pub use reload::Restart;
pub use report::{AuthReport, RefusalReport, Report, report};
pub use schema::agents::{
    AgentDefaults, AgentEntry, Agents, Compaction, Heartbeat, HeartbeatHours, Identity, ModelChoice, ModelSettings,
    Sandbox, SandboxMode, Subagents,
};
pub use schema::bindings::{Binding, BindingMatch, BindingScopes, PeerMatch};
pub use schema::bridge::{Bridge, BridgeAt};
pub use schema::browser::Browser;
pub use schema::commands::Commands;
pub use schema::control_ui::ControlUi;
pub use schema::cron::{Cron, WebhookSsrfPolicy};
pub use schema::discovery::{Discovery, Mdns, MdnsMode, WideArea};
pub use schema::gateway::{
    Bind, Endpoint, Endpoints, Gateway, Http, Mode, Reload, ReloadMode, SecurityHeaders, Tailscale, TailscaleMode, Tls,
};
pub use schema::gateway_auth::{Auth, AuthMode, DeviceAutoApprove, RateLimit, TrustedProxy};
pub use schema::hooks::{HookAction, HookMapping, HookMatch, HookWake, Hooks};
pub use schema::logging::{ConsoleStyle, LogLevel, Logging};
pub use schema::messages::{GroupChat, Messages, Queue, QueueDrop, QueueMode};
pub use schema::models::{Compat, Cost, ModelEntry, Models, ModelsMode, ProviderConfig};
pub use schema::node_host::{BrowserProxy, NodeCamera, NodeFiles, NodeHost, NodeLocation};
pub use schema::nodes::{NodeBrowser, NodeBrowserMode, NodeCommands, Nodes, Pairing, SshVerify};
pub use schema::remote::{HostKeyPolicy, Remote, Transport};
pub use schema::session::{DmScope, GroupScope, Reset, ResetMode, Session, SessionScope};
pub use schema::telegram;
pub use schema::tools::{
    Elevated, ExecAsk, ExecConfig, ExecMode, ExecSecurity, ToolPolicy, ToolProfile, Tools, Web, WebFetch, WebSearch,
};
pub use schema::{Config, lookup, schema};
pub use secrets::{SecretNotes, SecretUnavailable};

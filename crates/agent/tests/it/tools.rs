//! Tools as a turn calls them: real files, real processes.

mod asking;
mod exec;
mod files;
mod nodes;
mod process;
mod session_status;
mod workspace;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Env;
use openclaw_agent::ports::{Ports, Rights};
use openclaw_agent::run::Waits;
use openclaw_agent::tools::{
    ExecSettings, ModelName, ModelNames, Processes, Security, ToolCx, ToolDeps, ToolOutput, Toolbox,
};
use serde_json::Value;
use store::{NewSession, Session, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::message::text_of;
use wire::{AgentId, SessionKey};

/// A toolbox and an empty workspace for it.
struct Bench {
    toolbox: Toolbox,
    store: Store,
    _state: tempfile::TempDir,
    workspace: tempfile::TempDir,
    env: Env,
    cancel: CancellationToken,
    agent: AgentId,
    progress: (mpsc::Sender<String>, mpsc::Receiver<String>),
}

impl Bench {
    /// One whose `exec` may run anything.
    fn new() -> Self {
        Self::with(ExecSettings { security: Security::Full, ..ExecSettings::default() })
    }

    fn with(exec: ExecSettings) -> Self {
        Self::beside(exec, Ports::none())
    }

    /// One with these nodes and people.
    fn beside(exec: ExecSettings, ports: Ports) -> Self {
        let workspace = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap();
        let env = Env::of([("PATH", path.as_str()), ("HOME", workspace.path().to_str().unwrap())]);
        let state = tempfile::tempdir().unwrap();
        let store = Store::open_in(&state.path().join("openclaw.db")).unwrap();
        let deps = ToolDeps {
            exec,
            processes: Processes::new(),
            store: store.clone(),
            models: Arc::new(OneVendor),
            ports,
            version: "1.2.3".into(),
        };
        Self {
            toolbox: Toolbox::new(&deps),
            store,
            _state: state,
            workspace,
            env,
            cancel: CancellationToken::new(),
            agent: AgentId::main(),
            progress: mpsc::channel(64),
        }
    }

    /// The main session, made if need be.
    async fn session(&self) -> Session {
        self.store.ensure_session(&self.cx().session, NewSession::default()).await.unwrap()
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.workspace.path().join(name)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> std::path::PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn cx(&self) -> ToolCx {
        ToolCx {
            run_id: "run".into(),
            session: SessionKey::main(&self.agent, "main"),
            agent: self.agent.clone(),
            rights: Rights::default(),
            call_id: "call".into(),
            workspace: self.workspace.path().to_owned(),
            env: self.env.clone(),
            cancel: self.cancel.clone(),
            waits: Waits::default(),
            progress: self.progress.0.clone(),
        }
    }

    async fn call(&self, tool: &str, arguments: Value) -> ToolOutput {
        self.toolbox.get(tool).expect("the tool is in the table").call(arguments, self.cx()).await
    }

    /// The text of a call that succeeds.
    async fn text(&self, tool: &str, arguments: Value) -> String {
        let output = self.call(tool, arguments).await;
        let text = text_of(&output.content);
        assert!(!output.is_error, "{text}");
        text
    }

    /// The text of a call that fails.
    async fn error(&self, tool: &str, arguments: Value) -> String {
        let output = self.call(tool, arguments).await;
        let text = text_of(&output.content);
        assert!(output.is_error, "{text}");
        text
    }
}

/// Knows the models of one vendor.
struct OneVendor;

impl ModelNames for OneVendor {
    fn resolve(&self, wanted: &str) -> Result<ModelName, String> {
        let model = wanted.strip_prefix("fake/").ok_or_else(|| format!("`{wanted}` is not a model"))?;
        Ok(ModelName { provider: "fake".into(), model: model.into() })
    }

    fn default_of(&self, _agent: &AgentId) -> Option<ModelName> {
        Some(ModelName { provider: "demo".into(), model: "offline".into() })
    }
}

/// Whether a process is gone or only waits to be reaped by its parent. One that was just killed closes its pipes a moment
/// before the kernel counts it as dead, so that moment is waited for.
fn is_gone(pid: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        match std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")) {
            Ok(stat) if !stat.contains(") Z ") && !stat.contains(") X ") => std::thread::yield_now(),
            _ => return true,
        }
    }
    false
}

///
#[test]
fn every_tool_has_a_name_of_its_own_words_and_a_plain_schema() {
    let bench = Bench::new();
    let specs = bench.toolbox.specs();
    let mut names: Vec<_> = specs.iter().map(|spec| spec.name.clone()).collect();
    assert!(
        ["read", "write", "edit", "exec", "process", "session_status"]
            .iter()
            .all(|name| names.iter().any(|one| one == name))
    );
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), specs.len(), "names are unique");
    for spec in specs {
        assert!(spec.description.len() > 20, "{} says what it is for", spec.name);
        assert_eq!(spec.parameters["type"], "object", "{}", spec.name);
        let text = spec.parameters.to_string();
        for vendor_refuses in ["anyOf", "oneOf", "allOf", "$ref", "\"null\""] {
            assert!(!text.contains(vendor_refuses), "{}: {vendor_refuses}", spec.name);
        }
        assert!(bench.toolbox.get(&spec.name).is_some());
    }
}

///
#[tokio::test]
async fn arguments_that_make_no_sense_run_nothing_and_panic_nowhere() {
    let bench = Bench::new();
    let nonsense = [
        serde_json::json!(null),
        serde_json::json!([]),
        serde_json::json!("x"),
        serde_json::json!({}),
        serde_json::json!({"path": {}, "command": [], "action": "dance", "edits": 7}),
    ];
    for spec in bench.toolbox.specs() {
        if spec.parameters["required"].as_array().is_none_or(Vec::is_empty) {
            continue;
        }
        for given in &nonsense {
            let text = bench.error(&spec.name, given.clone()).await;
            assert!(text.contains("was not run"), "{}: {text}", spec.name);
        }
    }
}

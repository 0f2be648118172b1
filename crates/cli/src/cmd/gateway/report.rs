//! What the service commands answer, and the service as `status` and `gateway status` show it (PROBE-6, PROBE-7).

use serde_json::{Value, json};

use crate::app::App;
use crate::service::{self, Manager, Name, ServiceError, State};

/// What a service command did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) action: &'static str,
    pub(crate) result: &'static str,
    pub(crate) message: String,
    pub(crate) warnings: Vec<String>,
    pub(crate) hints: Vec<String>,
}

impl Done {
    pub(in crate::cmd) fn new(action: &'static str, result: &'static str, message: impl Into<String>) -> Self {
        Self { action, result, message: message.into(), ..Self::default() }
    }

    pub(in crate::cmd) fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }

    pub(in crate::cmd) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Prints it: one JSON value, or a sentence with its warnings and hints on stderr.
    pub(in crate::cmd) fn print(&self, app: &App) {
        self.print_with(app, &json!({"service": labels(&View::of(app))}));
    }

    /// The same with `more` than a Gateway's service to tell programs.
    pub(in crate::cmd) fn print_with(&self, app: &App, more: &Value) {
        let mut value = json!({"action": self.action, "ok": true, "result": self.result, "message": self.message,
            "warnings": self.warnings, "hints": self.hints});
        for (key, told) in more.as_object().into_iter().flatten() {
            value[key] = told.clone();
        }
        app.out.either(&value, || self.message.clone());
        if !app.out.json {
            self.warnings.iter().for_each(|warning| app.out.warn(warning));
            self.hints.iter().for_each(|hint| app.out.note(&format!("next: {hint}")));
        }
    }
}

/// The service of this profile, as far as it can be seen. Looking never fails a report.
pub(crate) struct View {
    label: &'static str,
    words: (&'static str, &'static str),
    seen: Result<State, ServiceError>,
}

impl View {
    pub(crate) fn of(app: &App) -> Self {
        let name = Name::gateway(&app.paths.profile);
        match service::keeper(&app.env, &name, false) {
            Ok(manager) => Self { label: manager.label(), words: manager.words(), seen: manager.state(&name) },
            Err(error) => Self { label: "none", words: ("loaded", "not installed"), seen: Err(error) },
        }
    }

    /// The service, when it is installed.
    pub(crate) fn state(&self) -> Option<&State> {
        self.seen.as_ref().ok().filter(|state| state.installed)
    }

    /// `systemd (enabled), running (pid 7)`, for people.
    pub(crate) fn text(&self) -> String {
        match (self.state(), &self.seen) {
            (None, Err(error)) => format!("not installed ({error})"),
            (None, Ok(_)) => "not installed".into(),
            (Some(state), _) => format!("{} ({}), {}", self.label, self.word(state), running(state)),
        }
    }

    /// The same for a row of a table: why there is nobody to ask is `gateway status`'s to tell.
    pub(crate) fn brief(&self) -> String {
        match &self.seen {
            Err(ServiceError::ManagerMissing(_)) => "not installed (no service manager here)".into(),
            Err(ServiceError::NoUserBus { .. }) => "not installed (no user bus)".into(),
            Err(_) => "unknown (openclaw gateway status)".into(),
            Ok(_) => self.text(),
        }
    }

    fn word(&self, state: &State) -> &'static str {
        if state.enabled { self.words.0 } else { self.words.1 }
    }

    /// Where it is defined and what it runs.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let Some(state) = self.state() else { return Vec::new() };
        let set: Vec<String> =
            state.env.iter().filter(|(name, _)| name != "PATH").map(|(n, v)| format!("{n}={v}")).collect();
        vec![
            ("Command:", state.command.join(" ")),
            ("Service file:", state.file.display().to_string()),
            ("Service env:", set.join(" ")),
        ]
    }

    /// The port in the unit's command.
    pub(crate) fn port(&self) -> Option<u16> {
        self.state().and_then(State::port)
    }

    /// Where the unit and this command do not mean the same (PROBE-6), each as code and sentence.
    pub(crate) fn drift(&self, app: &App, port: u16) -> Vec<(&'static str, String)> {
        let Some(state) = self.state() else { return Vec::new() };
        let mut found: Vec<(&'static str, String)> =
            state.issues.iter().map(|code| (*code, service::issue(code).to_owned())).collect();
        let program = state.command.first().map(String::as_str).unwrap_or_default();
        if !program.is_empty() && !std::path::Path::new(program).exists() {
            found.push(("gateway-entrypoint-mismatch", format!("the service runs `{program}`, which is not there")));
        } else if std::path::Path::new(program)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .is_some_and(service::is_runtime)
        {
            let message = format!("the service runs a script by `{program}`; this program needs no runtime");
            found.push(("gateway-entrypoint-mismatch", message));
        }
        if let Some(of_service) = state.port().filter(|of_service| *of_service != port) {
            found.push((
                "gateway-port-mismatch",
                format!("the service runs on port {of_service}, the config says {port}"),
            ));
        }
        let folder = app.paths.state_dir.display().to_string();
        if let Some(of_service) = state.var("OPENCLAW_STATE_DIR").filter(|of_service| *of_service != folder) {
            let message = format!("the service keeps its state in `{of_service}`, this command in `{folder}`");
            found.push(("gateway-state-mismatch", message));
        }
        found
    }

    /// `config.daemon` of PROBE-7: the config the service reads.
    pub(crate) fn config_file(&self) -> Option<std::path::PathBuf> {
        let state = self.state()?;
        let named = state.var("OPENCLAW_CONFIG_PATH").map(Into::into);
        named.or_else(|| Some(std::path::Path::new(state.var("OPENCLAW_STATE_DIR")?).join("openclaw.json")))
    }

    /// `service` of PROBE-7.
    pub(crate) fn json(&self, app: &App, port: u16) -> Value {
        let mut value = labels(self);
        let issues = self.drift(app, port);
        if let Some(state) = self.state() {
            let env: serde_json::Map<_, _> =
                state.env.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            value["command"] = json!({"programArguments": state.command, "environment": env, "sourcePath": state.file});
            value["configAudit"] = json!({"ok": issues.is_empty(), "issues": issues.iter()
                .map(|(code, message)| json!({"code": code, "message": message})).collect::<Vec<_>>()});
        }
        value["runtime"] = self.runtime();
        value
    }

    fn runtime(&self) -> Value {
        match &self.seen {
            Err(error) => json!({"status": "unknown", "detail": error.to_string()}),
            Ok(state) if !state.installed => Value::Null,
            Ok(state) => json!({"status": if state.running { "running" } else { "stopped" }, "state": state.detail,
                "pid": state.pid}),
        }
    }

    /// `gatewayService` of `status --json`.
    pub(crate) fn short(&self) -> Value {
        let mut value = labels(self);
        value["installed"] = json!(self.state().is_some());
        value["runtime"] = self.runtime();
        value["runtimeShort"] = json!(self.state().map(running));
        value
    }
}

fn running(state: &State) -> String {
    match (state.running, state.pid) {
        (true, Some(pid)) => format!("running (pid {pid})"),
        (true, None) => "running".into(),
        (false, _) => format!("stopped: {}", state.detail),
    }
}

fn labels(view: &View) -> Value {
    let loaded = view.state().is_some_and(|state| state.enabled);
    json!({"label": view.label, "loaded": loaded, "loadedText": view.words.0, "notLoadedText": view.words.1})
}

/// Other Gateways among the services of this user, for `--deep`.
pub(super) fn others(app: &App) -> Vec<Value> {
    let name = Name::gateway(&app.paths.profile);
    let manager: Result<Box<dyn Manager>, _> = service::keeper(&app.env, &name, false);
    let Ok(manager) = manager else { return Vec::new() };
    let scope = if manager.label() == "systemd" { "user" } else { "login" };
    let other = |path: std::path::PathBuf| {
        let label = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let legacy = !label.contains("openclaw");
        json!({"platform": std::env::consts::OS, "label": label, "detail": path, "scope": scope, "legacy": legacy})
    };
    service::others(&*manager, &name).into_iter().map(other).collect()
}

//! `system.run`: a program of this machine, when its owner allows it (N-11.7…11.10).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use super::program::{self, Ended, Plan};
use super::{Command, Cx, Host, Refusal, read};
use exec_policy::{Admitted, Denied, Document, Places, Wish, judge};

/// How long a program may take when nobody says; the call's own time ends it sooner.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long it may take at most.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// Variables that choose which code runs, which no caller sets (N-11.9).
const DECISIVE: &[&str] =
    &["PATH", "NODE_OPTIONS", "PYTHONHOME", "PYTHONPATH", "PERL5LIB", "PERL5OPT", "RUBYOPT", "BASH_ENV", "ENV"];
const DECISIVE_STARTS: &[&str] = &["LD_", "DYLD_", "BASH_FUNC_", "OPENCLAW_"];
/// The ones a caller may set for a shell, and for what runs only because it is on the list: how output looks.
const COSMETIC: &[&str] = &["TERM", "LANG", "COLORTERM", "NO_COLOR", "FORCE_COLOR"];
/// Shells, whose start reads variables.
const SHELLS: &[&str] = &["sh", "bash", "dash", "zsh", "ksh"];

pub(super) struct Run;

/// What is asked. What an approval would say (`approved`, `approvalDecision`, `systemRunPlan`) is not believed: only the
/// owner's document decides.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    command: Vec<String>,
    cwd: Option<String>,
    #[serde(default)]
    env: Option<BTreeMap<String, String>>,
    timeout_ms: Option<u64>,
    #[serde(default)]
    needs_screen_recording: Option<bool>,
    agent_id: Option<String>,
    session_key: Option<String>,
    run_id: Option<String>,
    suppress_notify_on_exit: Option<bool>,
}

impl Command for Run {
    fn name(&self) -> &'static str {
        "system.run"
    }

    fn cap(&self) -> &'static str {
        "system"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let params: Params = read(params)?;
            let plan = plan(&cx, &params)?;
            Ok(match program::run(plan, &cx.voice).await {
                Ok(ended) => answer(ended),
                Err(error) => not_started(&error.to_string()),
            })
        })
    }
}

/// Everything that must be right before anything is started.
fn plan(cx: &Cx, params: &Params) -> Result<Plan, Refusal> {
    if params.command.first().is_none_or(|program| program.trim().is_empty()) {
        return Err(Refusal::invalid("command: names no program"));
    }
    let host = &*cx.host;
    let cwd = params.cwd.as_deref().map(str::trim).filter(|cwd| !cwd.is_empty());
    let cwd = cwd.map_or_else(|| host.home.clone(), |cwd| host.place(cwd));
    if !cwd.is_dir() {
        return Err(Refusal::invalid(format!("cwd: `{}` is no folder", cwd.display())));
    }
    let places = Places::new(&host.path(), cwd, host.home.clone());
    let wish = Wish { argv: &params.command, agent: params.agent_id.as_deref(), places: &places };
    let document = Document::read(&host.exec_approvals).map_err(|error| Denied::Unreadable(error.to_string()));
    let admitted = document.and_then(|document| judge(&document, &wish)).map_err(|denied| {
        tell_denied(cx, params, denied.reason());
        Refusal { code: denied.code(), message: with_remedy(&denied, &host.exec_approvals) }
    })?;
    if params.needs_screen_recording == Some(true) {
        tell_denied(cx, params, "permission:screenRecording");
        return Err(Refusal { code: "PERMISSION_MISSING", message: "this node cannot record a screen".into() });
    }
    let (program, arguments) = params.command.split_first().unwrap_or((&params.command[0], &[]));
    // What was looked at is what is started.
    let program = places.find(program).map_or_else(|| PathBuf::from(program), |found| found.path);
    let argv = host.guard.iter().cloned().chain([program]).chain(arguments.iter().map(PathBuf::from)).collect();
    let env = environment(host, &places, params, admitted);
    let timeout = params.timeout_ms.filter(|ms| *ms > 0).map_or(DEFAULT_TIMEOUT, Duration::from_millis);
    Ok(Plan { argv, cwd: places.cwd, env, timeout: timeout.min(LONGEST_TIMEOUT) })
}

/// The words of N-11.10, and where the owner of this machine changes the answer.
fn with_remedy(denied: &Denied, file: &Path) -> String {
    match denied {
        Denied::Unreadable(_) => denied.to_string(),
        _ => format!("{denied}; the owner of this node decides in `{}`", file.display()),
    }
}

/// `exec.denied`, so that the session on whose behalf it was asked hears of it.
fn tell_denied(cx: &Cx, params: &Params, reason: &str) {
    cx.voice.event(
        "exec.denied",
        json!({
            "sessionKey": params.session_key, "runId": params.run_id, "host": "node",
            "command": params.command.join(" "), "reason": reason,
            "suppressNotifyOnExit": params.suppress_notify_on_exit,
        }),
    );
}

/// The environment of the program: this host's without secrets, and what the caller may add (N-11.9).
fn environment(host: &Host, places: &Places, params: &Params, admitted: Admitted) -> Vec<(String, String)> {
    let is_secret = |name: &str| base::is_secret_name(name) || name.to_ascii_uppercase().ends_with("KEY");
    let own = host.env.vars().filter(|(name, _)| !is_secret(name) && !name.starts_with("BASH_FUNC_"));
    let mut env: BTreeMap<String, String> = own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    env.insert("PATH".into(), places.path_value());
    let program = params.command.first().map(Path::new).and_then(|program| program.file_name()?.to_str());
    let strictly = admitted == Admitted::ByList || program.is_some_and(|program| SHELLS.contains(&program));
    for (name, value) in params.env.iter().flatten() {
        if may_set(name, strictly) {
            env.insert(name.clone(), value.clone());
        }
    }
    env.into_iter().collect()
}

fn may_set(name: &str, strictly: bool) -> bool {
    let upper = name.to_ascii_uppercase();
    if strictly {
        return COSMETIC.contains(&upper.as_str()) || upper.starts_with("LC_");
    }
    !name.is_empty()
        && !name.contains(['=', '\0'])
        && !DECISIVE.contains(&upper.as_str())
        && !DECISIVE_STARTS.iter().any(|start| upper.starts_with(start))
}

/// N-10.15
fn answer(ended: Ended) -> Value {
    let success = ended.code == Some(0) && !ended.timed_out;
    json!({"exitCode": ended.code, "timedOut": ended.timed_out, "success": success,
        "stdout": ended.stdout, "stderr": ended.stderr, "error": null})
}

fn not_started(why: &str) -> Value {
    json!({"exitCode": null, "timedOut": false, "success": false, "stdout": "", "stderr": "", "error": why})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::cx;
    use crate::serve::Voice;

    fn params(value: Value) -> Params {
        serde_json::from_value(value).unwrap()
    }

    fn env(admitted: Admitted, command: &str, asked: Value) -> BTreeMap<String, String> {
        let home = tempfile::tempdir().unwrap();
        let host = Cx { voice: Voice::nowhere(), ..cx(home.path()) }.host;
        let own = [("PATH", ".:/bin"), ("HOME", "/h"), ("OPENCLAW_GATEWAY_TOKEN", "t"), ("AWS_SECRET_ACCESS_KEY", "k")];
        let host = Host { env: base::Env::of(own), ..std::sync::Arc::into_inner(host).unwrap() };
        let places = Places::new(&host.path(), "/".into(), "/".into());
        let params = params(json!({"command": [command], "env": asked}));
        environment(&host, &places, &params, admitted).into_iter().collect()
    }

    /// N-11.9
    #[test]
    fn secrets_stay_behind_and_no_caller_chooses_code_by_a_variable() {
        let asked = json!({"PATH": "/tmp", "LD_PRELOAD": "x", "NODE_OPTIONS": "x", "bash_env": "x", "MINE": "1",
            "TERM": "xterm", "LC_ALL": "C", "": "x", "A=B": "x"});
        let shown = |admitted, command| {
            let env = env(admitted, command, asked.clone());
            env.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(shown(Admitted::Fully, "git"), ["HOME=/h", "LC_ALL=C", "MINE=1", "PATH=/bin", "TERM=xterm"]);
        for (admitted, command) in [(Admitted::ByList, "git"), (Admitted::Fully, "/bin/sh")] {
            assert_eq!(shown(admitted, command), ["HOME=/h", "LC_ALL=C", "PATH=/bin", "TERM=xterm"]);
        }
    }

    /// N-11.10: nothing is started for what is wrong or not allowed, whatever an approval claims.
    #[tokio::test]
    async fn what_is_wrong_or_not_allowed_is_refused_first() {
        let home = tempfile::tempdir().unwrap();
        let refused = async |asked: Value| Run.handle(cx(home.path()), asked).await.unwrap_err();
        for wrong in [
            json!({}),
            json!({"command": []}),
            json!({"command": [" "]}),
            json!({"command": "ls"}),
            json!({"command": ["ls"], "cwd": "/nosuch"}),
        ] {
            assert_eq!(refused(wrong.clone()).await.code, "INVALID_REQUEST", "{wrong}");
        }
        let claimed = json!({"command": ["ls"], "approved": true, "approvalDecision": "allow-always", "runId": "r"});
        let denied = refused(claimed).await;
        assert_eq!(denied.code, "SYSTEM_RUN_DENIED");
        assert!(denied.message.starts_with("approval required: "), "{denied:?}");
        base::write_atomic(&home.path().join("exec-approvals.json"), b"{").unwrap();
        assert_eq!(refused(json!({"command": ["ls"]})).await.code, "SYSTEM_RUN_DISABLED");
        let full = br#"{"version": 1, "defaults": {"security": "full"}}"#;
        base::write_atomic(&home.path().join("exec-approvals.json"), full).unwrap();
        let screen = refused(json!({"command": ["ls"], "needsScreenRecording": true})).await;
        assert_eq!(screen.code, "PERMISSION_MISSING");
        let gone = Run.handle(cx(home.path()), json!({"command": ["/nosuch/program"]})).await.unwrap();
        assert!(gone["success"] == false && gone["error"].is_string(), "{gone}");
    }
}

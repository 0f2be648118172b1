//! `system.run`: a program of this machine, when its owner allows it, or leaves it to people and they do (N-11.7…11.10,
//! N-12.16).

use std::path::PathBuf;
use std::time::Duration;

use exec_policy::{Admitted, Denied, Document, Judged, Stored, Verdict};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use wire::methods::exec_approval::Decision;

use super::asked::{Approval, Looked, Params};
use super::environment::environment;
use super::program::{self, Ended, Plan};
use super::{Command, Cx, Refusal, read};

/// How long a program may take when nobody says; the call's own time ends it sooner.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long it may take at most.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// The most a program may be given to read.
const STDIN_MAX_BYTES: usize = 1024 * 1024;
/// How much of the output an event tells, from its end (N-11.8).
const TOLD_MAX_CHARS: usize = 20_000;

pub(super) struct Run;

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
            let plan = plan(&cx, &params).await?;
            cx.voice.event("exec.started", params.event());
            let answer = match program::run(plan, &cx.voice).await {
                Ok(ended) => answer(ended),
                Err(error) => not_started(&error.to_string()),
            };
            cx.voice.event_surely("exec.finished", finished(&params, &answer)).await;
            Ok(answer)
        })
    }
}

/// Everything that must be right before anything is started.
async fn plan(cx: &Cx, params: &Params) -> Result<Plan, Refusal> {
    let deny = |denied: &Denied| {
        params.tell_denied(cx, denied.reason());
        refused(cx, denied)
    };
    let looked = params.look(cx)?.map_err(|denied| deny(&denied))?;
    let judged = looked.judge(params);
    let approval = params.approval();
    let admitted = admitted(&looked, &judged, params, approval.as_ref()).map_err(|why| match why {
        NotAdmitted::Denied(denied) => deny(&denied),
        NotAdmitted::NotApproved(why) => {
            params.tell_denied(cx, "approval-required");
            Refusal { code: "SYSTEM_RUN_DENIED", message: format!("approval required: {why}") }
        }
    })?;
    if params.needs_screen_recording == Some(true) {
        params.tell_denied(cx, "permission:screenRecording");
        return Err(Refusal { code: "PERMISSION_MISSING", message: "this node cannot record a screen".into() });
    }
    let input = input(params, admitted).inspect_err(|_| params.tell_denied(cx, "allowlist-miss"))?;
    write_down(cx, params, &looked, judged, approval.as_ref()).await;
    let host = &*cx.host;
    let (program, arguments) = params.command.split_first().unwrap_or((&params.command[0], &[]));
    // What was looked at is what is started.
    let program = looked.places.find(program).map_or_else(|| PathBuf::from(program), |found| found.path);
    let guard = guarded(&host.guard, input.len());
    let argv = guard.chain([program]).chain(arguments.iter().map(PathBuf::from)).collect();
    let env = environment(host, &looked.places, params, admitted);
    let timeout = params.timeout_ms.filter(|ms| *ms > 0).map_or(DEFAULT_TIMEOUT, Duration::from_millis);
    Ok(Plan { argv, cwd: looked.places.cwd, env, timeout: timeout.min(LONGEST_TIMEOUT), input })
}

/// What the program reads. It may decide what a program does as its arguments may, and neither a list nor a person has
/// seen it: only where everything may run is it handed on.
fn input(params: &Params, admitted: Admitted) -> Result<Vec<u8>, Refusal> {
    let Some(text) = params.stdin.as_deref().filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    if text.len() > STDIN_MAX_BYTES {
        return Err(Refusal::invalid(format!("stdin: at most {STDIN_MAX_BYTES} bytes")));
    }
    if admitted != Admitted::Fully {
        let why = "allowlist miss: what comes on standard input is handed on only where the owner lets everything run";
        return Err(Refusal { code: "SYSTEM_RUN_DENIED", message: why.into() });
    }
    Ok(text.as_bytes().to_vec())
}

/// How the guard is started when the program reads that many bytes.
fn guarded(guard: &[PathBuf], bytes: usize) -> impl Iterator<Item = PathBuf> {
    let told = (bytes > 0).then(|| [PathBuf::from("--stdin-bytes"), PathBuf::from(bytes.to_string())]);
    // Before the `--` that ends the guard's own words.
    let (own, end) = guard.split_at(guard.len().saturating_sub(1));
    own.iter().cloned().chain(told.into_iter().flatten()).chain(end.iter().cloned()).collect::<Vec<_>>().into_iter()
}

enum NotAdmitted {
    Denied(Denied),
    NotApproved(String),
}

/// By what it may run: the document, or the people it leaves it to. What they approved is held to the letter, also where
/// nobody would have had to be asked.
fn admitted(
    looked: &Looked,
    judged: &Judged,
    params: &Params,
    approval: Option<&Approval<'_>>,
) -> Result<Admitted, NotAdmitted> {
    if let Some(plan) = approval.and_then(|approval| approval.plan) {
        looked.is_approved(params, plan).map_err(NotAdmitted::NotApproved)?;
    }
    match (&judged.verdict, approval) {
        (Verdict::Allowed(admitted), _) => Ok(*admitted),
        (Verdict::Denied(denied), _) => Err(NotAdmitted::Denied(denied.clone())),
        (Verdict::Ask { .. }, Some(Approval { plan: None, .. })) => {
            Err(NotAdmitted::NotApproved("the approval does not say what was approved (systemRunPlan)".into()))
        }
        // Variables that choose code were not before the people who were asked.
        (Verdict::Ask { .. }, Some(_)) => Ok(Admitted::ByList),
        (Verdict::Ask { otherwise, .. }, None) => otherwise.clone().map_err(NotAdmitted::Denied),
    }
}

/// Notes which entries were used, and what a person allowed for ever. When that fails the program runs all the same: it
/// is allowed.
async fn write_down(cx: &Cx, params: &Params, looked: &Looked, judged: Judged, approval: Option<&Approval<'_>>) {
    let always = approval.is_some_and(|approval| approval.decision == Decision::AllowAlways);
    let coverage = looked.coverage(params);
    let entries = if always && coverage.complete { coverage.entries } else { Vec::new() };
    if entries.is_empty() && judged.used.is_empty() {
        return;
    }
    let (agent, text, file) = (params.agent().map(str::to_owned), params.text(), cx.host.exec_approvals.clone());
    let change = move |document: &mut Document| {
        let added = document.allow_always(agent.as_deref(), &entries);
        document.note_use(&judged.used, &text, base::now_ms()) || added
    };
    match tokio::task::spawn_blocking(move || Stored::update(&file, change)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the use of an entry could not be written down"),
        Err(error) => tracing::error!(%error, "the use of an entry was not written down"),
    }
}

/// The words of N-11.10, and where the owner of this machine changes the answer.
pub(super) fn refused(cx: &Cx, denied: &Denied) -> Refusal {
    let message = match denied {
        Denied::Unreadable(_) => denied.to_string(),
        _ => format!("{denied}; the owner of this node decides in `{}`", cx.host.exec_approvals.display()),
    };
    Refusal { code: denied.code(), message }
}

/// `exec.finished` (N-7.6): how it ended, with the end of what it wrote.
fn finished(params: &Params, answer: &Value) -> Value {
    let mut payload = params.event();
    for key in ["exitCode", "timedOut", "success"] {
        payload[key] = answer[key].clone();
    }
    let parts = ["stdout", "stderr", "error"].map(|key| answer[key].as_str().unwrap_or_default());
    let output = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
    let cut = output.char_indices().rev().nth(TOLD_MAX_CHARS - 1).map_or(0, |(at, _)| at);
    payload["output"] = json!(output[cut..]);
    payload
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
    use crate::commands::prepare::Prepare;
    use crate::commands::tests::{cx, heard};

    fn policy(home: &std::path::Path, document: &str) {
        base::write_atomic(&home.join("exec-approvals.json"), document.as_bytes()).unwrap();
    }

    /// N-11.10: nothing is started for what is wrong or not allowed, and an approval goes no further than its owner.
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
            json!({"command": ["ls"], "approved": true, "approvalDecision": "allow-forever"}),
        ] {
            assert_eq!(refused(wrong.clone()).await.code, "INVALID_REQUEST", "{wrong}");
        }
        let claimed = json!({"command": ["ls"], "approved": true, "approvalDecision": "allow-always", "runId": "r"});
        let denied = refused(claimed.clone()).await;
        assert!(denied.code == "SYSTEM_RUN_DENIED" && denied.message.contains("systemRunPlan"), "{denied:?}");
        let denied = refused(json!({"command": ["ls"]})).await;
        assert!(denied.message.starts_with("approval required: "), "{denied:?}");
        policy(home.path(), "{");
        assert_eq!(refused(json!({"command": ["ls"]})).await.code, "SYSTEM_RUN_DISABLED");
        policy(home.path(), r#"{"version": 1, "defaults": {"security": "full"}}"#);
        let screen = refused(json!({"command": ["ls"], "needsScreenRecording": true})).await;
        assert_eq!(screen.code, "PERMISSION_MISSING");
        let gone = Run.handle(cx(home.path()), json!({"command": ["/nosuch/program"]})).await.unwrap();
        assert!(gone["success"] == false && gone["error"].is_string(), "{gone}");
        assert_eq!(refused(json!({"command": ["ls"], "security": "deny"})).await.code, "SYSTEM_RUN_DISABLED");
    }

    /// N-11.7, N-11.10, N-12.16: an approval counts where the owner leaves it to people, for just what they saw.
    #[tokio::test]
    async fn an_approval_is_held_to_the_letter() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().canonicalize().unwrap();
        std::fs::write(place.join("x.sh"), "echo hello").unwrap();
        let command = json!(["/bin/sh", "-lc", "sh x.sh"]);
        let plan = async || {
            let asked = json!({"command": command, "agentId": "main", "sessionKey": "agent:main:main"});
            Prepare.handle(cx(&place), asked).await.unwrap()["plan"].clone()
        };
        let run = async |change: &dyn Fn(&mut Value), plan: Value| {
            let mut asked = json!({"command": command, "agentId": "main", "sessionKey": "agent:main:main",
                "runId": "r", "approved": true, "approvalDecision": "allow-once", "systemRunPlan": plan});
            change(&mut asked);
            Run.handle(cx(&place), asked).await
        };
        let as_it_is = |_: &mut Value| {};
        let ran = run(&as_it_is, plan().await).await.unwrap();
        assert_eq!(ran["stdout"], "hello\n");
        let without_cwd = run(&|asked| asked["agentId"] = Value::Null, plan().await).await.unwrap();
        assert_eq!(without_cwd["success"], true, "the plan says where, and for whom");
        let changes: [&dyn Fn(&mut Value); 7] = [
            &|asked| asked["command"] = json!(["/bin/sh", "-lc", "sh x.sh; id"]),
            &|asked| asked["cwd"] = json!("/"),
            &|asked| asked["agentId"] = json!("other"),
            &|asked| asked["approved"] = json!(false),
            &|asked| asked["approvalDecision"] = json!("deny"),
            &|asked| asked["systemRunPlan"]["mutableFileOperand"] = Value::Null,
            &|asked| asked["systemRunPlan"]["policySnapshot"] = Value::Null,
        ];
        for (at, change) in changes.into_iter().enumerate() {
            assert_eq!(run(change, plan().await).await.unwrap_err().code, "SYSTEM_RUN_DENIED", "{at}");
        }
        let before = plan().await;
        std::fs::write(place.join("x.sh"), "echo bye").unwrap();
        let changed = run(&as_it_is, before).await.unwrap_err();
        assert!(changed.message.contains("changed since it was approved"), "{changed:?}");
        let current = plan().await;
        policy(&place, r#"{"version": 1, "defaults": {"ask": "off"}}"#);
        assert!(run(&as_it_is, current.clone()).await.unwrap_err().message.starts_with("allowlist miss: "));
        policy(&place, r#"{"version": 1, "defaults": {"security": "deny", "ask": "always"}}"#);
        assert_eq!(run(&as_it_is, current).await.unwrap_err().code, "SYSTEM_RUN_DISABLED");
    }

    /// N-12.6, N-12.7, N-11.7: "always" is remembered on this machine, for what is understood, and never silences `always`.
    #[tokio::test]
    async fn allowed_for_ever_is_remembered_here() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().canonicalize().unwrap();
        let asked = json!({"command": ["nice", "-n", "5", "id", "-u"], "runId": "r"});
        let mut approved = asked.clone();
        approved["systemRunPlan"] = Prepare.handle(cx(&place), asked.clone()).await.unwrap()["plan"].clone();
        approved["approved"] = json!(true);
        approved["approvalDecision"] = json!("allow-always");
        assert_eq!(Run.handle(cx(&place), approved).await.unwrap()["success"], true);
        let stored = std::fs::read_to_string(place.join("exec-approvals.json")).unwrap();
        assert!(
            stored.contains("/id\"") && stored.contains("\"allow-always\"") && !stored.contains("nice"),
            "{stored}"
        );
        assert_eq!(
            Run.handle(cx(&place), asked.clone()).await.unwrap()["success"],
            true,
            "it is not asked about again"
        );
        let stored = std::fs::read_to_string(place.join("exec-approvals.json")).unwrap();
        assert!(stored.contains("lastUsedCommand\": \"nice -n 5 id -u\""), "{stored}");
        policy(&place, &stored.replacen("\"defaults\": {}", "\"defaults\": {\"ask\": \"always\"}", 1));
        assert_eq!(Run.handle(cx(&place), asked).await.unwrap_err().code, "SYSTEM_RUN_DENIED");
    }

    /// N-7.6, N-11.8, N-11.10
    #[tokio::test]
    async fn the_session_hears_what_became_of_it() {
        let home = tempfile::tempdir().unwrap();
        let (cx1, words) = heard(home.path());
        let denied = json!({"command": ["id"], "runId": "r1", "sessionKey": "s", "suppressNotifyOnExit": true});
        assert!(Run.handle(cx1, denied).await.is_err());
        assert_eq!(
            words.events(),
            [(
                "exec.denied",
                json!({"sessionKey": "s", "runId": "r1", "host": "node",
            "command": "id", "suppressNotifyOnExit": true, "reason": "approval-required"})
            )]
        );
        policy(home.path(), r#"{"version": 1, "defaults": {"security": "full"}}"#);
        let (cx2, words) = heard(home.path());
        let asked = json!({"command": ["sh", "-c", "seq 1 20000; echo end >&2; exit 3"], "runId": "r2"});
        Run.handle(cx2, asked).await.unwrap();
        let told = words.events();
        assert_eq!(told.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["exec.started", "exec.finished"]);
        let finished = &told[1].1;
        assert_eq!((&finished["exitCode"], &finished["success"]), (&json!(3), &json!(false)), "{finished}");
        let output = finished["output"].as_str().unwrap();
        assert!(output.chars().count() == TOLD_MAX_CHARS && output.ends_with("20000\n\nend\n"), "the end of it");
    }
}

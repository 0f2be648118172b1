//! Commands on the Gateway's host that wait for a person's word, with people who live in the test.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use openclaw_agent::ports::{Answer, Approvals, Asker, Ports, Rights};
use openclaw_agent::tools::{ExecSettings, ToolCx};
use serde_json::{Value, json};
use wire::message::text_of;
use wire::methods::exec_approval::{Decision, RequestParams, TerminalReason};

use super::Bench;

/// People who all say the same, when they say something, and what they were asked.
struct People {
    decision: Option<Decision>,
    reason: TerminalReason,
    questions: Mutex<Vec<RequestParams>>,
    /// What happens while they think.
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Approvals for People {
    fn ask<'a>(&'a self, request: RequestParams, _: &'a Asker) -> BoxFuture<'a, Answer> {
        self.questions.lock().unwrap().push(request);
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        let answer = Answer { id: "q".into(), decision: self.decision, reason: self.reason };
        async { answer }.boxed()
    }
}

impl People {
    fn who(decision: Option<Decision>) -> Arc<Self> {
        let reason = if decision.is_some() { TerminalReason::User } else { TerminalReason::NoRoute };
        Self::for_reason(decision, reason)
    }

    fn for_reason(decision: Option<Decision>, reason: TerminalReason) -> Arc<Self> {
        Arc::new(Self { decision, reason, questions: Mutex::default(), meanwhile: Mutex::default() })
    }

    fn questions(&self) -> Vec<RequestParams> {
        self.questions.lock().unwrap().clone()
    }
}

/// A bench whose commands these people are asked about, on a host with this document.
fn bench(people: &Arc<People>, document: Option<Value>) -> (Bench, PathBuf, tempfile::TempDir) {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join("exec-approvals.json");
    if let Some(document) = document {
        base::write_atomic(&file, document.to_string().as_bytes()).unwrap();
    }
    let exec = ExecSettings { approvals: Some(file.clone()), ..ExecSettings::default() };
    let ports = Ports { approvals: people.clone(), ..Ports::none() };
    (Bench::beside(exec, ports), file, state)
}

/// N-12.4, N-12.11
#[tokio::test]
async fn a_person_is_asked_about_what_is_not_listed_and_it_runs_once() {
    let people = People::who(Some(Decision::AllowOnce));
    let (bench, file, _state) = bench(&people, None);
    let text = bench.text("exec", json!({"command": "ls >/dev/null; touch made && echo done"})).await;
    assert!(text == "done" && bench.path("made").exists(), "{text}");
    let asked = people.questions().remove(0);
    assert_eq!(asked.command.as_deref(), Some("ls >/dev/null; touch made && echo done"));
    assert_eq!((asked.host.as_deref(), asked.ask.as_deref()), (Some("gateway"), Some("on-miss")));
    assert_eq!((asked.agent_id.as_deref(), asked.tool_call_id.as_deref()), (Some("main"), Some("call")));
    assert_eq!(asked.cwd.as_deref(), bench.workspace.path().to_str());
    assert!(asked.unavailable_decisions.is_none(), "it could be allowed for ever");
    assert!(bench.text("exec", json!({"command": "ls made"})).await.contains("made"));
    assert_eq!(people.questions().len(), 1, "nobody is asked about what is harmless");
    bench.text("exec", json!({"command": "touch again"})).await;
    assert_eq!((people.questions().len(), file.exists()), (2, false), "once is once, and nothing is written down");
}

/// N-12.6, N-12.7
#[tokio::test]
async fn allowed_for_ever_becomes_an_entry_of_this_host() {
    let people = People::who(Some(Decision::AllowAlways));
    let (bench, file, _state) = bench(&people, None);
    for command in ["touch made", "touch made"] {
        bench.call("exec", json!({"command": command})).await;
    }
    assert_eq!(people.questions().len(), 1, "it is not asked about again");
    let document: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let entry = &document["agents"]["main"]["allowlist"][0];
    assert_eq!(
        (&entry["source"], &entry["lastUsedCommand"]),
        (&json!("allow-always"), &json!("touch made")),
        "{entry}"
    );
    bench.text("exec", json!({"command": "touch other"})).await;
    assert_eq!(people.questions().len(), 2, "it was about just these words");
    bench.file("x.sh", "true");
    for command in ["sh x.sh", "touch a > b", "touch $HOME/c"] {
        bench.text("exec", json!({"command": command})).await;
        bench.text("exec", json!({"command": command})).await;
        let asked = people.questions().pop().unwrap();
        assert_eq!(asked.unavailable_decisions, Some(vec!["allow-always".to_owned()]), "{command}");
    }
    assert_eq!(people.questions().len(), 8, "what cannot be written down is asked about each time");
}

/// N-12.12, N-12.15
#[tokio::test]
async fn without_leave_nothing_runs_and_the_model_is_told_why() {
    for (decision, reason, words) in [
        (Some(Decision::Deny), TerminalReason::User, "a person was asked and refused it"),
        (None, TerminalReason::NoRoute, "(nobody could be asked to allow it)"),
        (None, TerminalReason::Timeout, "did not decide in time"),
    ] {
        let (bench, _file, _state) = bench(&People::for_reason(decision, reason), None);
        let text = bench.error("exec", json!({"command": "touch made"})).await;
        assert!(text.contains(words) && !bench.path("made").exists(), "{text}");
        assert_eq!(text.contains("openclaw config set tools.exec.allowlist"), decision.is_none(), "{text}");
    }
    let silent = People::who(None);
    let fallback = json!({"version": 1, "defaults": {"askFallback": "full"}});
    let (kept, _file, _state) = bench(&silent, Some(fallback));
    assert!(kept.error("exec", json!({"command": "touch made"})).await.contains("`touch`"), "no more than its rule");
}

/// N-12.3, N-12.4
#[tokio::test]
async fn a_host_that_asks_about_everything_asks_about_what_is_listed_too() {
    let people = People::who(Some(Decision::AllowAlways));
    let (bench, _file, _state) = bench(&people, Some(json!({"version": 1, "defaults": {"ask": "always"}})));
    for _ in 0..2 {
        bench.text("exec", json!({"command": "pwd"})).await;
    }
    let questions = people.questions();
    assert_eq!(questions.len(), 2, "an entry never silences it");
    assert_eq!(questions[0].unavailable_decisions, Some(vec!["allow-always".to_owned()]));
    let off = People::who(Some(Decision::AllowOnce));
    let (bench, _file, _state) =
        self::bench(&off, Some(json!({"version": 1, "defaults": {"security": "deny", "ask": "always"}})));
    assert!(bench.error("exec", json!({"command": "pwd"})).await.contains("openclaw approvals get"));
    assert!(off.questions().is_empty(), "nobody is asked in vain");
}

/// N-12.16
#[tokio::test]
async fn what_was_approved_is_what_runs() {
    let people = People::who(Some(Decision::AllowOnce));
    let (bench, _file, _state) = bench(&people, None);
    let script = bench.file("x.sh", "touch good");
    *people.meanwhile.lock().unwrap() = Some(Box::new(move || std::fs::write(script, "touch evil").unwrap()));
    let text = bench.error("exec", json!({"command": "sh x.sh"})).await;
    assert!(text.contains("changed while a person was asked"), "{text}");
    assert!(!bench.path("good").exists() && !bench.path("evil").exists());
    bench.text("exec", json!({"command": "sh x.sh"})).await;
    assert!(bench.path("evil").exists(), "asked again, it is this that is allowed");
}

/// N-7.12: what a node began runs no commands and asks nobody.
#[tokio::test]
async fn a_run_that_a_node_began_asks_nobody() {
    let people = People::who(Some(Decision::AllowOnce));
    let (bench, _file, _state) = bench(&people, None);
    let cx = ToolCx { rights: Rights { owner: true, from_node: true }, ..bench.cx() };
    for command in ["touch made", "ls"] {
        let output = bench.toolbox.get("exec").unwrap().call(json!({"command": command}), cx.clone()).await;
        assert!(output.is_error && text_of(&output.content).contains("what a node began"), "{output:?}");
    }
    assert!(people.questions().is_empty() && !bench.path("made").exists());
}

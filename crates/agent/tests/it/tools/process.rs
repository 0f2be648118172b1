//! process: sessions of commands that were left running.

use serde_json::{Value, json};
use wire::AgentId;
use wire::message::text_of;

use super::{Bench, is_gone};

/// Starts a session and answers its id and pid.
async fn session(bench: &Bench, command: &str) -> (String, String) {
    let output = bench.call("exec", json!({"command": command, "background": true})).await;
    let details = output.details.unwrap();
    assert_eq!(details["status"], "running");
    (details["sessionId"].as_str().unwrap().to_owned(), details["pid"].to_string())
}

/// Polls until the text shows up or the session ends; each poll awaits news.
async fn poll_for(bench: &Bench, id: &str, wanted: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(wanted) {
        let output = bench.call("process", json!({"action": "poll", "sessionId": id, "timeout": 30000})).await;
        seen.push_str(&text_of(&output.content));
        assert!(
            seen.contains(wanted) || output.details.unwrap()["status"] == "running",
            "ended without {wanted:?}: {seen}"
        );
    }
    seen
}

///
#[tokio::test]
async fn a_slow_command_becomes_a_session_that_can_be_polled_to_its_end() {
    let bench = Bench::new();
    bench.text("exec", json!({"command": "mkfifo go"})).await;
    let output = bench.call("exec", json!({"command": "echo begun; cat go; exit 4", "yieldMs": 50})).await;
    let details = output.details.unwrap();
    let id = details["sessionId"].as_str().unwrap();
    assert!(!output.is_error && text_of(&output.content).contains(&format!("session `{id}`")));
    tokio::fs::write(bench.path("go"), "more\n").await.unwrap();
    let seen = poll_for(&bench, id, "[exit code 4]").await;
    assert!(seen.contains("more") && seen.matches("begun").count() <= 1, "{seen}");
    let log = bench.text("process", json!({"action": "log", "sessionId": id})).await;
    assert_eq!(log, "[lines 1 to 2 of 2]\nbegun\nmore");
}

///
#[tokio::test]
async fn input_keys_and_paste_reach_the_command() {
    let bench = Bench::new();
    let (id, _) = session(&bench, "while read -r line; do echo \"got $line\"; done; echo over").await;
    let act = async |more: Value| {
        let mut arguments = json!({"sessionId": id});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bench.text("process", arguments).await
    };
    act(json!({"action": "write", "data": "one\n"})).await;
    poll_for(&bench, &id, "got one").await;
    act(json!({"action": "paste", "text": "two"})).await;
    act(json!({"action": "submit"})).await;
    poll_for(&bench, &id, "got two").await;
    act(json!({"action": "send-keys", "literal": "thr"})).await;
    act(json!({"action": "send-keys", "keys": ["e", "e", "Enter"], "hex": ["34", "0a"]})).await;
    poll_for(&bench, &id, "got 4").await;
    act(json!({"action": "send-keys", "keys": ["C-d"]})).await;
    poll_for(&bench, &id, "over").await;
    let log = act(json!({"action": "log", "offset": 2, "limit": 2})).await;
    assert_eq!(log, "[lines 2 to 3 of 5]\ngot two\ngot three");
    let late = bench.error("process", json!({"action": "write", "sessionId": id, "data": "x"})).await;
    assert!(late.contains("takes no input"), "{late}");
}

///
#[tokio::test]
async fn control_c_interrupts() {
    let bench = Bench::new();
    let (id, _) = session(&bench, "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done").await;
    poll_for(&bench, &id, "ready").await;
    bench.text("process", json!({"action": "send-keys", "sessionId": id, "keys": ["C-c"]})).await;
    assert!(poll_for(&bench, &id, "[exit code 9]").await.contains("caught"));
    let unknown = bench.error("process", json!({"action": "send-keys", "sessionId": id, "keys": ["Hyper"]})).await;
    assert!(unknown.contains("`Hyper` is not a key"), "{unknown}");
}

///
#[tokio::test]
async fn kill_clear_and_remove() {
    let bench = Bench::new();
    let (first, pid) = session(&bench, "sleep 600").await;
    let error = bench.error("process", json!({"action": "clear", "sessionId": first})).await;
    assert!(error.contains("still runs"), "{error}");
    assert!(bench.text("process", json!({"action": "kill", "sessionId": first})).await.contains("[stopped]"));
    assert!(is_gone(&pid));
    bench.text("process", json!({"action": "clear", "sessionId": first})).await;
    assert_eq!(bench.text("process", json!({"action": "list"})).await, "no sessions");

    let (second, _) = session(&bench, "sleep 600").await;
    assert!(bench.text("process", json!({"action": "list"})).await.contains("sleep 600"));
    bench.text("process", json!({"action": "remove", "sessionId": second})).await;
    let gone = bench.error("process", json!({"action": "poll", "sessionId": second})).await;
    assert!(gone.contains("no session") && gone.contains("there is none"), "{gone}");
    assert!(bench.error("process", json!({"action": "kill"})).await.contains("needs `sessionId`"));
}

///
#[tokio::test]
async fn a_session_belongs_to_its_agent() {
    let mut bench = Bench::new();
    let (id, _) = session(&bench, "sleep 600").await;
    bench.agent = AgentId::fold("other");
    assert_eq!(bench.text("process", json!({"action": "list"})).await, "no sessions");
    let error = bench.error("process", json!({"action": "kill", "sessionId": id})).await;
    assert!(error.contains("no session"), "{error}");
    bench.toolbox.shutdown().await;
}

///
#[tokio::test]
async fn what_a_command_leaves_running_stays_a_session() {
    let bench = Bench::new();
    let (id, _) = session(&bench, "sleep 600 & echo $!").await;
    let seen = poll_for(&bench, &id, "[still running]").await;
    let pid = seen.lines().next().unwrap().to_owned();
    bench.text("process", json!({"action": "kill", "sessionId": id})).await;
    assert!(is_gone(&pid), "{pid}");
}

///
#[tokio::test]
async fn shutdown_ends_every_child_and_starts_none() {
    let bench = Bench::new();
    let (_, one) = session(&bench, "sleep 600").await;
    let (_, two) = session(&bench, "trap '' TERM; sleep 600; sleep 600").await;
    bench.toolbox.shutdown().await;
    assert!(is_gone(&one) && is_gone(&two));
    assert!(bench.error("exec", json!({"command": "true"})).await.contains("the Gateway is stopping"));
}

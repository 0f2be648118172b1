//! exec: policy at work, output, time limits, aborts.

use std::time::Duration;

use openclaw_agent::tools::{ExecSettings, Security};
use serde_json::json;
use wire::message::text_of;

use super::{Bench, is_gone};

///
#[tokio::test]
async fn output_of_both_streams_comes_back_in_order_with_the_exit_code() {
    let bench = Bench::new();
    let output = bench.call("exec", json!({"command": "echo one; echo two >&2; echo three; exit 3"})).await;
    assert_eq!(text_of(&output.content), "one\ntwo\nthree\n[exit code 3]");
    let details = output.details.unwrap();
    assert_eq!((output.is_error, &details["exitCode"], &details["status"]), (true, &json!(3), &json!("failed")));
    assert!(details["durationMs"].is_i64());
    let fine = bench.call("exec", json!({"command": "true"})).await;
    assert_eq!((text_of(&fine.content).as_str(), fine.is_error), ("(no output)", false));
    assert_eq!(fine.details.unwrap()["status"], "completed");
}

///
#[tokio::test]
async fn by_default_only_harmless_programs_run_and_the_refusal_says_how_to_widen() {
    let bench = Bench::with(ExecSettings::default());
    bench.file("a.txt", "b\na\n");
    assert_eq!(bench.text("exec", json!({"command": "cat a.txt | sort && pwd >/dev/null"})).await, "a\nb");
    let refusal = bench.error("exec", json!({"command": "cat a.txt | tee made"})).await;
    assert!(
        refusal.contains("`tee`") && refusal.contains("openclaw config set tools.exec.allowlist '[\"tee\"]'"),
        "{refusal}"
    );
    assert!(!bench.path("made").exists());
    let asked = bench.error("exec", json!({"command": "touch made", "security": "full"})).await;
    assert!(asked.contains("`touch`"), "a call cannot widen the policy: {asked}");
}

///
#[tokio::test]
async fn a_call_may_be_stricter_than_the_policy_and_goes_nowhere_else() {
    let bench = Bench::new();
    assert!(bench.error("exec", json!({"command": "touch x", "security": "allowlist"})).await.contains("`touch`"));
    for host in ["sandbox", "node"] {
        assert!(bench.error("exec", json!({"command": "true", "host": host})).await.contains(&format!("no {host}")));
    }
    let denied = Bench::with(ExecSettings { security: Security::Deny, ..ExecSettings::default() });
    assert!(denied.error("exec", json!({"command": "ls"})).await.contains("tools.exec.security"));
}

///
#[tokio::test]
async fn where_a_sandbox_is_wanted_and_there_is_none_nothing_runs_anywhere() {
    let config = config::ExecConfig { host: Some(" Sandbox ".into()), ..config::ExecConfig::default() };
    let bench = Bench::with(ExecSettings { security: Security::Full, ..ExecSettings::from(&config) });
    for host in [json!(null), json!("auto"), json!("gateway"), json!("node"), json!("sandbox")] {
        let refusal = bench.error("exec", json!({"command": "touch made", "host": host})).await;
        assert!(refusal.contains("there is no Sandbox here"), "{refusal}");
        assert!(refusal.contains("openclaw config set tools.exec.host gateway"), "{refusal}");
    }
    assert!(!bench.path("made").exists());
}

/// CFG-8
#[tokio::test]
async fn a_changed_policy_holds_from_then_on_and_keeps_the_children() {
    let mut bench = Bench::new();
    bench.text("exec", json!({"command": "sleep 600", "background": true})).await;
    bench.toolbox = bench.toolbox.with_exec(ExecSettings::default());
    assert!(bench.error("exec", json!({"command": "touch x"})).await.contains("`touch`"));
    assert!(bench.text("process", json!({"action": "list"})).await.contains("sleep 600"));
    bench.toolbox.shutdown().await;
}

///
#[tokio::test]
async fn a_child_sees_no_secret_and_no_input() {
    let mut bench = Bench::new();
    bench.env = bench.env.with("OPENCLAW_GATEWAY_TOKEN", "s3cret").with("OPENAI_API_KEY", "s3cret").with("PLAIN", "1");
    let seen = bench.text("exec", json!({"command": "env; cat", "env": {"MINE": "2"}})).await;
    assert!(!seen.contains("s3cret") && seen.contains("PLAIN=1") && seen.contains("MINE=2"), "{seen}");
    for name in ["PATH", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES"] {
        let refusal = bench.error("exec", json!({"command": "env", "env": {name: "x"}})).await;
        assert!(refusal.contains(name), "{refusal}");
    }
}

///
#[tokio::test]
async fn a_command_runs_in_the_workspace_or_where_it_is_told() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("sub")).unwrap();
    let here = std::fs::canonicalize(bench.workspace.path()).unwrap();
    assert_eq!(bench.text("exec", json!({"command": "pwd -P"})).await, here.display().to_string());
    assert_eq!(
        bench.text("exec", json!({"command": "pwd -P", "workdir": "sub"})).await,
        here.join("sub").display().to_string()
    );
    assert!(bench.error("exec", json!({"command": "pwd", "workdir": "gone"})).await.contains("is not a folder"));
}

///
#[tokio::test]
async fn a_flood_of_output_is_cut_in_the_middle() {
    let bench = Bench::new();
    let output = bench.call("exec", json!({"command": "seq 1 200000"})).await;
    let text = text_of(&output.content);
    assert!(text.chars().count() < 30_100 && text.starts_with("1\n2\n") && text.ends_with("\n200000"));
    assert!(text.contains("left out"));
    assert_eq!(output.details.unwrap()["truncated"], true);
}

///
#[tokio::test]
async fn a_command_that_takes_too_long_is_stopped() {
    let bench = Bench::new();
    let output = bench.call("exec", json!({"command": "echo begun; sleep 600", "timeout": 1})).await;
    let text = text_of(&output.content);
    assert!(output.is_error && text.starts_with("begun\n[stopped after "), "{text}");
    assert_eq!(output.details.unwrap()["timedOut"], true);
}

/// one that floods its output cannot put its end off.
#[tokio::test]
async fn a_flooding_command_is_stopped_too() {
    let bench = Bench::new();
    let output = bench.call("exec", json!({"command": "yes", "timeout": 0.2})).await;
    assert_eq!(output.details.unwrap()["timedOut"], true);
}

///
#[tokio::test]
async fn an_abort_ends_the_whole_tree_even_what_ignores_a_polite_signal_or_left_the_group() {
    let mut bench = Bench::new();
    let line =
        "sh -c 'trap \"\" TERM; echo $$; sleep 600 & wait; sleep 600' & setsid sh -c 'echo $$; exec sleep 600' & wait";
    let cx = bench.cx();
    let tool = bench.toolbox.get("exec").unwrap();
    let call = tokio::spawn(async move { tool.call(json!({"command": line}), cx).await });
    let mut seen = String::new();
    while seen.lines().count() < 2 || !seen.ends_with('\n') {
        seen.push_str(&bench.progress.1.recv().await.unwrap());
    }
    bench.cancel.cancel();
    let output = call.await.unwrap();
    assert!(output.is_error && text_of(&output.content).contains("the turn was aborted"));
    for pid in seen.lines() {
        assert!(is_gone(pid), "{pid} still runs");
    }
}

/// a turn that is dropped, not cancelled, leaves nothing behind either.
#[tokio::test]
async fn a_dropped_call_ends_its_child() {
    let mut bench = Bench::new();
    let (cx, tool) = (bench.cx(), bench.toolbox.get("exec").unwrap());
    let call = tokio::spawn(async move { tool.call(json!({"command": "echo $$; sleep 600"}), cx).await });
    let pid = bench.progress.1.recv().await.unwrap();
    call.abort();
    let _ = call.await;
    bench.toolbox.shutdown().await;
    assert!(is_gone(pid.trim()));
}

///
#[tokio::test]
async fn progress_is_told_as_it_happens() {
    let mut bench = Bench::new();
    let fifo = bench.path("go");
    bench.text("exec", json!({"command": "mkfifo go"})).await;
    let (cx, tool) = (bench.cx(), bench.toolbox.get("exec").unwrap());
    let call = tokio::spawn(async move { tool.call(json!({"command": "echo first; cat go; echo last"}), cx).await });
    assert_eq!(bench.progress.1.recv().await.unwrap(), "first\n");
    assert!(!call.is_finished());
    tokio::fs::write(fifo, "middle\n").await.unwrap();
    let output = tokio::time::timeout(Duration::from_secs(20), call).await.unwrap().unwrap();
    assert_eq!(text_of(&output.content), "first\nmiddle\nlast");
}

//! Flags of the commands that look, run and talk: each does what its help says, and what has no effect is not offered.

use kit::TestGateway;
use serde_json::json;

use crate::{alone, binary, json as as_json, run};

/// START-3, CLI-13: flags of the original's that mean nothing here keep an old line working, and say so.
#[test]
fn flags_without_effect_are_taken_with_a_remark_and_not_offered() {
    let home = tempfile::tempdir().unwrap();
    let flags = [
        "--ws-log",
        "--compact",
        "--raw-stream",
        "--raw-stream-path",
        "--cli-backend-logs",
        "--ambient-channels",
        "--tailscale-reset-on-exit",
    ];
    let help = run(&mut alone(&home), &["gateway", "run", "--help"]).1;
    assert!(flags.iter().all(|flag| !help.contains(flag)), "{help}");
    let line = "gateway run --ws-log full --compact --raw-stream --raw-stream-path f --claude-cli-logs \
        --ambient-channels --tailscale-reset-on-exit";
    let (exit, _, stderr) = run(&mut alone(&home), &line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(exit, 78, "there is no config: {stderr}");
    for flag in ["--ws-log", "--raw-stream", "--cli-backend-logs", "--ambient-channels", "--tailscale-reset-on-exit"] {
        assert_eq!(stderr.matches(&format!("note: {flag}")).count(), 1, "{flag}: {stderr}");
    }
    assert_eq!(run(&mut alone(&home), &["gateway", "run", "--ws-log", "loud"]).0, 2);
}

/// PROBE-3, PROBE-6: an agent's own sessions, what the models cost, who has the port.
#[test]
fn status_can_be_narrowed_and_gateway_status_looks_closer() {
    let gateway = TestGateway::start(&binary(), &json!({"agents": {"list": [{"id": "main"}, {"id": "ops"}]}}));
    assert_eq!(run(&mut gateway.command(), &["agent", "-m", "hello"]).0, 0);
    let of = |agent: &str| as_json(&mut gateway.command(), &["status", "--usage", "--agent", agent]).1;
    let (main, ops) = (of("main"), of("ops"));
    assert_eq!((&main["sessions"]["count"], &ops["sessions"]["count"]), (&json!(1), &json!(0)), "{ops}");
    assert_eq!(ops["sessions"]["recent"], json!([]));
    assert!(main["usage"]["totals"]["totalTokens"].is_u64(), "{main}");
    assert!(run(&mut gateway.command(), &["status", "--usage"]).1.contains("Usage"));

    let (exit, deep) = as_json(&mut gateway.command(), &["gateway", "status", "--deep"]);
    let pid = format!("pid {}", gateway.pid().as_raw_nonzero());
    assert!(exit == 0 && deep["port"]["listeners"].to_string().contains(&pid), "{deep}");
    assert_eq!(deep["health"]["ok"], true);
    let text = run(&mut gateway.command(), &["gateway", "status", "--deep"]).1;
    assert!(text.contains(&format!("Listening: {pid}")) && text.contains("Health: ok"), "{text}");
}

/// WORK-1: tools go to stderr, and only when asked for; stdout stays the reply.
#[test]
fn agent_shows_its_tools_when_asked() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let ask = |verbose: &str| run(&mut gateway.command(), &["agent", "--verbose", verbose, "-m", "what time is it?"]);
    let (exit, stdout, stderr) = ask("on");
    assert!(exit == 0 && stderr.contains("exec") && !stdout.contains("· exec"), "{stdout} {stderr}");
    let (exit, _, stderr) = ask("off");
    assert!(exit == 0 && !stderr.contains("exec"), "{stderr}");
}

/// CLI-1: `--log-level` is for the daemon too; its file stays complete.
#[test]
fn the_daemon_logs_as_much_as_it_is_told_to() {
    let mut gateway = TestGateway::prepare(&binary(), &json!({})).with_env("OPENCLAW_LOG_LEVEL", "error");
    gateway.boot();
    assert_eq!(run(&mut gateway.command(), &["health"]).0, 0);
    assert!(!gateway.printed().contains("gateway ready"), "{}", gateway.printed());
    assert!(run(&mut gateway.command(), &["logs"]).1.contains("gateway ready"), "the file has it");
}

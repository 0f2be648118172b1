//! Which Gateway a command means, and where its secrets come from.

use std::io::Write as _;
use std::process::Stdio;

use kit::{TOKEN, TestGateway};
use serde_json::json;

use crate::{alone, binary, json, run};

/// CRED-11
#[test]
fn a_call_that_would_reach_another_gateway_than_expected_is_not_made() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let call = |url: &str| json(&mut gateway.command(), &["gateway", "call", "health", "--expect-url", url]);
    let (exit, answer) = call(&format!("ws://127.0.0.1:{}", gateway.address().port()));
    assert_eq!((exit, &answer["ok"]), (0, &json!(true)));
    let (exit, failed) = call("ws://127.0.0.1:1");
    assert_eq!((exit, &failed["ok"]), (1, &json!(false)));
    assert!(failed["error"]["message"].as_str().unwrap().contains("ws://127.0.0.1:1"), "{failed}");
}

/// CRED-12
#[test]
fn a_secret_comes_from_a_file_or_stdin_and_one_on_the_command_line_is_remarked_on() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let url = format!("ws://{}", gateway.address());
    let file = gateway.folder().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let remark = "other users of this host";
    let (exit, _, stderr) =
        run(&mut gateway.command(), &["health", "--url", &url, "--token-file", file.to_str().unwrap()]);
    assert!(exit == 0 && !stderr.contains(remark), "{stderr}");
    let (exit, _, stderr) = run(&mut gateway.command(), &["health", "--url", &url, "--token", TOKEN]);
    assert!(exit == 0 && stderr.matches(remark).count() == 1, "{stderr}");

    let mut command = gateway.command();
    command.args(["health", "--url", &url, "--token", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(TOKEN.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && !String::from_utf8_lossy(&output.stderr).contains(remark), "{output:?}");
    let missing = run(&mut gateway.command(), &["health", "--url", &url, "--token-file", "/no/such/file"]);
    assert!(missing.0 == 2 && missing.2.contains("/no/such/file"), "{missing:?}");
}

/// CRED-13
#[test]
fn target_says_what_would_be_used_and_whence_and_no_secret() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".openclaw")).unwrap();
    let file = home.path().join(".openclaw/openclaw.json");
    std::fs::write(&file, r#"{gateway: {mode: "remote", remote: {url: "wss://far.example:444", token: "secret-1"}}}"#)
        .unwrap();
    let mut command = alone(&home);
    command.env("OPENCLAW_GATEWAY_PASSWORD", "secret-2");
    let (exit, target) = json(&mut command, &["gateway", "target"]);
    assert_eq!((exit, &target["url"]), (0, &json!("wss://far.example:444")));
    assert_eq!((&target["urlSource"], &target["transport"]), (&json!("config gateway.remote.url"), &json!("direct")));
    let from = json!({"token": "gateway.remote.token", "password": "env OPENCLAW_GATEWAY_PASSWORD"});
    assert_eq!((&target["credentials"], &target["deviceToken"]), (&from, &json!(false)));
    let (_, text, _) = run(&mut alone(&home), &["gateway", "target"]);
    assert!(text.contains("wss://far.example:444") && text.contains("gateway.remote.token"), "{text}");
    assert!(!target.to_string().contains("secret-") && !text.contains("secret-"));
}

/// CON-3
#[test]
fn the_dashboard_link_holds_no_secret_and_on_a_far_host_comes_with_a_tunnel() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let port = gateway.address().port();
    let mut command = gateway.command();
    command.env("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.1 22");
    let (exit, stdout, stderr) = run(&mut command, &["dashboard"]);
    assert_eq!((exit, stdout), (0, format!("http://127.0.0.1:{port}/\n")));
    assert!(stderr.contains(&format!("ssh -N -L {port}:127.0.0.1:{port} ")), "{stderr}");
    let (_, link) = json(&mut gateway.command(), &["dashboard"]);
    let url = format!("http://127.0.0.1:{port}/");
    let expected = json!({"ok": true, "url": url, "httpUrl": url, "wsUrl": format!("ws://127.0.0.1:{port}"),
        "port": port, "tokenIncluded": false, "browserUrl": url, "browserBootstrapExpiresAtMs": null});
    assert_eq!(link, expected);
}

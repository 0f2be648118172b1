//! Exit codes from real process pairs (CLI-7).

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kit::{TOKEN, TestGateway};
use serde_json::json;

use crate::{alone, binary, json, run};

/// PROBE-4, CLI-7, CLI-5: done, failed, usage, not let in.
#[test]
fn a_running_gateway_gives_done_failed_usage_and_refused() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (exit, health) = json(&mut gateway.command(), &["health"]);
    assert_eq!((exit, &health["ok"]), (0, &json!(true)));

    let (exit, failed) = json(&mut gateway.command(), &["gateway", "call", "nosuch.method"]);
    assert_eq!((exit, &failed["error"]["type"]), (1, &json!("gateway_request_error")));
    assert_eq!(failed["error"]["message"], "unknown method: nosuch.method");

    let (exit, usage) = json(&mut gateway.command(), &["gateway", "call", "status", "--params", "[1]"]);
    assert_eq!((exit, &usage["error"]["type"]), (2, &json!("usage_error")));

    let (exit, refused) = json(&mut gateway.command(), &["health", "--token", "wrong"]);
    assert_eq!((exit, &refused["error"]["type"]), (4, &json!("auth_error")));
    assert_eq!(refused["error"]["details"]["code"], "AUTH_TOKEN_MISMATCH");

    let (exit, _, stderr) = run(&mut gateway.command(), &["status", "--token", "wrong", "--require"]);
    assert_eq!(exit, 4, "{stderr}");
    let (exit, ..) = run(&mut gateway.command(), &["status", "--token", "wrong"]);
    assert_eq!(exit, 0, "a report succeeds");
}

/// CLI-4, CLI-6, CLI-7, PROBE-15
#[test]
fn an_absent_gateway_is_unreachable_and_the_text_is_short() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let (exit, failed) = json(&mut gateway.command(), &["health"]);
    assert_eq!((exit, &failed["error"]["kind"]), (3, &json!("refused")));
    let (exit, stdout, stderr) = run(&mut gateway.command(), &["health"]);
    assert_eq!((exit, stdout.as_str()), (3, ""));
    assert!(stderr.contains("ECONNREFUSED") && stderr.contains("Source: local loopback"), "{stderr}");
    assert!(stderr.contains("openclaw gateway run") && stderr.trim_end().ends_with("[GATEWAY_REFUSED]"), "{stderr}");
    assert!(stderr.lines().count() <= 6, "{stderr}");
    let (exit, probe) = json(&mut gateway.command(), &["gateway", "probe"]);
    assert_eq!((exit, &probe["ok"]), (3, &json!(false)));
    let (exit, _) = json(&mut gateway.command(), &["gateway", "status", "--require-rpc"]);
    assert_eq!(exit, 3);
}

/// START-1, START-2, START-3
#[test]
fn a_config_the_daemon_cannot_run_on_is_78() {
    let home = tempfile::tempdir().unwrap();
    let (exit, _, stderr) = run(&mut alone(&home), &["gateway", "run"]);
    assert_eq!(exit, 78, "{stderr}");
    assert!(stderr.contains("openclaw setup") || stderr.contains("setup"), "{stderr}");
    let folder = home.path().join(".openclaw");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("openclaw.json"), r#"{"gateway":{"mode":"remote"}}"#).unwrap();
    let (exit, failed) = json(&mut alone(&home), &["gateway", "run"]);
    assert_eq!((exit, &failed["error"]["type"]), (78, &json!("config_error")));
    std::fs::write(folder.join("openclaw.json"), r#"{"gateway":{"mode":"local","bnd":1}}"#).unwrap();
    let (exit, _, stderr) = run(&mut alone(&home), &["gateway", "run"]);
    assert_eq!(exit, 78);
    assert!(stderr.contains("bnd"), "{stderr}");
}

/// CLI-7, WORK-4: the answer is lost when the Gateway dies after the request.
#[test]
fn a_lost_answer_is_5_and_names_the_key_to_repeat_with() {
    let port = dies_after_the_request();
    let home = tempfile::tempdir().unwrap();
    let url = format!("ws://127.0.0.1:{port}");
    let args = ["agent", "-m", "hello", "--timeout", "2", "--idempotency-key", "k-1", "--url", &url, "--token", "t"];
    let (exit, failed) = json(&mut alone(&home), &args);
    assert_eq!((exit, &failed["error"]["kind"]), (5, &json!("closed")), "{failed}");
    assert!(failed["error"]["next"].to_string().contains("--idempotency-key k-1"), "{failed}");
}

/// A Gateway that welcomes, reads one request and hangs up.
fn dies_after_the_request() -> u16 {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio_websockets::{Message, ServerBuilder};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let (stream, _) = tokio::net::TcpListener::from_std(listener).unwrap().accept().await.unwrap();
            let (_, mut socket) = ServerBuilder::new().accept(stream).await.unwrap();
            let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1}});
            socket.send(Message::text(challenge.to_string())).await.unwrap();
            let heard = socket.next().await.unwrap().unwrap();
            let connect: serde_json::Value = serde_json::from_str(heard.as_text().unwrap()).unwrap();
            let hello = json!({"type": "hello-ok", "protocol": 4, "server": {"version": "1", "connId": "c"},
                "features": {"methods": [], "events": []}, "auth": {"method": "token", "role": "operator", "scopes": []},
                "snapshot": {"presence": [], "health": {}, "stateVersion": {"presence": 1, "health": 1}, "uptimeMs": 1},
                "policy": {"maxPayload": 1, "maxBufferedBytes": 1, "tickIntervalMs": 30000,
                    "attachments": {"maxBytes": 1, "maxImageBytes": 1}}});
            let answer = json!({"type": "res", "id": connect["id"], "ok": true, "payload": hello});
            socket.send(Message::text(answer.to_string())).await.unwrap();
            let _request = socket.next().await;
        });
    });
    port
}

/// CLI-3, CRED-2: no socket is opened, though config and environment hold valid secrets.
#[test]
fn a_url_without_a_secret_opens_no_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let invoke = ["nodes", "invoke", "--node", "n", "--command", "c"];
    let commands = [&["health"][..], &["status"], &["gateway", "probe"], &["agent", "-m", "x"], &["devices", "list"]];
    for args in [&commands[..], &[&["nodes", "list"], &["nodes", "list", "--watch"], &invoke]].concat() {
        let mut command = gateway.command();
        command.env("OPENCLAW_GATEWAY_TOKEN", "valid");
        let (exit, failed) = json(&mut command, &[args, &["--url", &url]].concat());
        assert_eq!((exit, &failed["error"]["type"]), (4, &json!("gateway_credentials_required")), "{args:?}");
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 0);
    let (exit, _) = json(&mut gateway.command(), &["health", "--url", &url, "--token", TOKEN, "--timeout", "300"]);
    assert_eq!(exit, 3);
    assert!(accepted.load(Ordering::SeqCst) > 0, "with a secret it dials");
}

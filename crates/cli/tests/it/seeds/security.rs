//! The section of security rules.

use std::net::{TcpListener, TcpStream};

use kit::{TOKEN, TestGateway};
use link::Pin;
use serde_json::json;

use super::Laptop;
use crate::{binary, json as as_json, run};

/// SEED-1, BIND-1. The sentences: keep the Gateway loopback-only; loopback with SSH or Tailscale Serve is the safest default,
/// with nothing public. What `setup` makes listens on loopback, on `::1` too where there is one. A listener on every address
/// would answer on another address of loopback as well.
#[test]
fn a_gateway_set_up_by_itself_listens_on_loopback_only() {
    let mut gateway = TestGateway::prepare(&binary(), &json!({}));
    std::fs::remove_file(gateway.folder().join("openclaw.json")).unwrap();
    let port = gateway.address().port();
    assert_eq!(run(&mut gateway.command(), &["setup"]).0, 0);
    assert_eq!(run(&mut gateway.command(), &["config", "get", "gateway.bind"]).1, "loopback\n");
    assert_eq!(run(&mut gateway.command(), &["config", "set", "gateway.port", &port.to_string()]).0, 0);
    gateway.boot();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    assert!(TcpStream::connect(("127.0.0.2", port)).is_err(), "{}", gateway.printed());
    let has_v6 = TcpListener::bind(("::1", 0)).is_ok();
    assert_eq!(TcpStream::connect(("::1", port)).is_ok(), has_v6, "{}", gateway.printed());
    let (exit, health) = as_json(&mut gateway.command(), &["health"]);
    assert_eq!((exit, &health["ok"]), (0, &json!(true)), "{health}");
}

/// SEED-1, BIND-5, BIND-8, CRED-9. The sentences: other binds (`lan`, `tailnet`, `custom`, or `auto` where that is not
/// loopback) must use a token or a password; `gateway.remote.token` is only for remote calls and enables no local auth.
#[test]
fn other_binds_want_a_secret_and_the_one_for_remote_calls_is_none() {
    let remote = json!({"token": TOKEN, "password": TOKEN});
    for section in [
        json!({"mode": "local", "bind": "lan", "remote": remote}),
        json!({"mode": "local", "bind": "lan", "auth": {"mode": "none"}, "remote": remote}),
        json!({"mode": "local", "bind": "tailnet", "remote": remote}),
        json!({"mode": "local", "bind": "custom", "customBindHost": "0.0.0.0", "remote": remote}),
        json!({"mode": "local", "bind": "auto", "remote": remote}),
    ] {
        let laptop = Laptop::with(&json!({"gateway": section}).to_string());
        let port = kit::free_port();
        let mut command = laptop.command();
        // A certain container: there `auto` is every address.
        command.env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        let (exit, failed) = as_json(&mut command, &["gateway", "run", "--port", &port.to_string()]);
        assert_eq!((exit, &failed["error"]["code"]), (78, &json!("GATEWAY_BIND_WITHOUT_AUTH")), "{section}: {failed}");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        assert!(!failed.to_string().contains(TOKEN));
    }
}

/// SEED-1, CRED-9. The sentence again, that `gateway.remote.token` enables no local auth: on loopback the secret for remote calls opens nothing either.
#[test]
fn the_token_for_remote_calls_opens_no_gateway_here() {
    let mut gateway = TestGateway::prepare(&binary(), &json!({}))
        .with_config("/gateway/auth", json!({}))
        .with_config("/gateway/bind", json!("loopback"))
        .with_config("/gateway/remote", json!({"token": TOKEN}));
    gateway.boot();
    let url = format!("ws://{}", gateway.address());
    let stranger = Laptop::new();
    let (exit, failed) = stranger.json(&["health", "--url", &url, "--token", TOKEN]);
    assert_eq!((exit, &failed["error"]["details"]["code"]), (4, &json!("AUTH_TOKEN_MISMATCH")), "{failed}");
}

/// SEED-1, TLS-6, TLS-7, TLS-8. The sentence: `gateway.remote.tlsFingerprint` pins the remote certificate of a `wss://`
/// target. It may be written as apps and tools show it.
#[test]
fn the_fingerprint_of_the_remote_pins_its_certificate() {
    let mut gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/tls", json!({"enabled": true}));
    gateway.boot();
    let pin = Pin::of_pem_file(&gateway.folder().join("gateway/tls/gateway-cert.pem")).unwrap().to_string();
    let wrong = Pin::of_der(b"another").to_string();
    let health = |scheme: &str, pin: &str| {
        let url = format!("{scheme}://{}", gateway.address());
        let remote = json!({"url": url, "token": TOKEN, "tlsFingerprint": pin});
        Laptop::with(&json!({"gateway": {"mode": "remote", "remote": remote}}).to_string()).json(&["health"])
    };
    let pairs: Vec<&str> = (0..32).map(|at| &pin[at * 2..at * 2 + 2]).collect();
    let shown_by_apps = pairs.join(":").to_uppercase();
    for form in [&pin, &shown_by_apps, &format!("sha256:{pin}")] {
        let (exit, answer) = health("wss", form);
        assert_eq!((exit, &answer["ok"]), (0, &json!(true)), "{form}: {answer}");
    }
    for (scheme, pin, exit, code) in
        [("wss", wrong.as_str(), 3, "TLS_PIN_MISMATCH"), ("ws", pin.as_str(), 2, "TLS_PIN_NEEDS_WSS")]
    {
        let (ended, failed) = health(scheme, pin);
        assert_eq!((ended, &failed["error"]["code"]), (exit, &json!(code)), "{failed}");
    }
}

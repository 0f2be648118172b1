//! `openclaw why`: where the way ends, against real Gateways, servers that are none, and a real `sshd`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use kit::{Signal, Sshd, TOKEN, TestGateway};
use link::Pin;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{alone, binary, json, run};

/// All questions, in order.
const PROBES: [&str; 12] =
    ["dns", "route", "tcp", "ssh", "tls", "pin", "http", "upgrade", "auth", "pairing", "scope", "clock"];

/// Why `url` cannot be reached from a machine that was never here; what is shown with it is `more`.
fn why_url(url: &str, more: &[&str]) -> (i32, Value) {
    let home = tempfile::tempdir().unwrap();
    let answer =
        json(&mut alone(&home), &[&["why", "--url", url, "--token", TOKEN, "--timeout", "30s"], more].concat());
    leaves_no_trace(&home);
    answer
}

/// Asking makes no device, so that no pairing can come of it.
fn leaves_no_trace(home: &TempDir) {
    let identity = home.path().join(".openclaw/identity");
    assert!(!identity.exists(), "{} was made", identity.display());
}

fn state<'v>(answer: &'v Value, name: &str) -> &'v str {
    let rows = answer["probes"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap()["state"].as_str().unwrap()
}

/// It stopped at `probe` with `code`: nothing before it failed, nothing after it was asked, and there is a cure.
fn stopped(answer: &Value, probe: &str, code: &str) {
    assert_eq!(
        (&answer["ok"], &answer["stoppedAt"], &answer["code"]),
        (&json!(false), &json!(probe), &json!(code)),
        "{answer}"
    );
    let rows = answer["probes"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, PROBES);
    let at = PROBES.iter().position(|name| *name == probe).unwrap();
    assert_eq!(rows[at]["state"], "failed", "{answer}");
    assert!(rows[..at].iter().all(|row| row["state"] != "failed"), "{answer}");
    assert!(rows[at + 1..].iter().all(|row| row["state"] == "skipped"), "{answer}");
    assert!(!answer["next"].as_array().unwrap().is_empty() && answer["message"].is_string(), "{answer}");
    assert!(!answer.to_string().contains(TOKEN));
}

/// By its port, as from a program that cannot reach the socket in the state folder.
fn by_port(gateway: &TestGateway) -> Command {
    let mut command = gateway.command();
    command.env("OPENCLAW_GATEWAY_PORT", gateway.address().port().to_string());
    command
}

/// A server for one test that answers everybody with `answer` and closes. Its thread ends with the process.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            // A client that only looks whether the port answers says nothing and leaves.
            if stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                drop(stream.write_all(answer));
            }
        }
    });
    format!("ws://{address}")
}

/// PROBE-13, CRED-13: all is well on each way, every question has an answer, and nobody's device was shown.
#[test]
fn a_gateway_that_can_be_reached_has_nothing_that_stops() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (exit, answer) = json(&mut by_port(&gateway), &["why"]);
    assert_eq!((exit, &answer["ok"], &answer["stoppedAt"]), (0, &json!(true), &Value::Null), "{answer}");
    for name in ["dns", "route", "tcp", "http", "upgrade", "auth", "scope", "clock"] {
        assert_eq!(state(&answer, name), "ok", "{name}: {answer}");
    }
    for name in ["ssh", "tls", "pin", "pairing"] {
        assert_eq!(state(&answer, name), "skipped", "{name}: {answer}");
    }
    assert_eq!(answer["target"]["transport"], "direct");
    assert_eq!(answer["target"]["url"], format!("ws://{}", gateway.address()));
    let (exit, answer) = json(&mut gateway.command(), &["why"]);
    assert_eq!((exit, &answer["target"]["transport"]), (0, &json!("unix")), "{answer}");
    assert_eq!((state(&answer, "tcp"), state(&answer, "auth")), ("skipped", "ok"), "{answer}");
    let (exit, stdout, stderr) = run(&mut by_port(&gateway), &["why"]);
    assert_eq!((exit, stderr.as_str()), (0, ""), "{stdout}");
    let lines: Vec<&str> = stdout.lines().skip(2).collect();
    assert_eq!(lines.len(), PROBES.len(), "{stdout}");
    for (line, name) in lines.iter().zip(PROBES) {
        assert!(line.split_whitespace().nth(1) == Some(name) && line.chars().count() < 80, "{line}");
    }
    assert!(!gateway.folder().join("identity/device.json").exists());
}

/// PROBE-13, PROBE-15: the sentence, the command and the code come below the line where it stops.
#[test]
fn nothing_listens_or_the_name_is_nobodys() {
    let (exit, answer) = why_url(&format!("ws://127.0.0.1:{}", kit::free_port()), &[]);
    stopped(&answer, "tcp", "GATEWAY_REFUSED");
    assert_eq!((exit, state(&answer, "route")), (3, "ok"), "{answer}");
    let (exit, answer) = why_url("wss://no-such-host.invalid", &[]);
    stopped(&answer, "dns", "GATEWAY_DNS");
    assert_eq!(exit, 3);
    let home = tempfile::tempdir().unwrap();
    let url = format!("ws://127.0.0.1:{}", kit::free_port());
    let (exit, stdout, stderr) = run(&mut alone(&home), &["why", "--url", &url, "--token", TOKEN]);
    assert!(exit == 3 && stdout.contains("\nno  tcp      GATEWAY_REFUSED\n"), "{exit}: {stdout}");
    assert!(stderr.contains("ECONNREFUSED") && stderr.trim_end().ends_with("[GATEWAY_REFUSED]"), "{stderr}");
}

/// PROBE-13
#[test]
fn a_wrong_token_stops_at_the_secret() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let home = tempfile::tempdir().unwrap();
    let url = format!("ws://{}", gateway.address());
    let (exit, answer) = json(&mut alone(&home), &["why", "--url", &url, "--token", "not-the-token"]);
    stopped(&answer, "auth", "AUTH_TOKEN_MISMATCH");
    assert_eq!((exit, state(&answer, "upgrade")), (4, "ok"), "{answer}");
    assert!(!answer.to_string().contains("not-the-token"));
    leaves_no_trace(&home);
}

/// PROBE-13, TLS-7: the port's kind, its trust and its pin are told apart.
#[test]
fn tls_stops_where_it_is_wrong() {
    let mut gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/tls", json!({"enabled": true}));
    gateway.boot();
    let (plain, secure) = (format!("ws://{}", gateway.address()), format!("wss://{}", gateway.address()));
    let (exit, answer) = why_url(&plain, &[]);
    stopped(&answer, "tls", "PLAINTEXT_TO_TLS_PORT");
    assert_eq!((exit, state(&answer, "tcp")), (3, "ok"), "{answer}");
    let (exit, answer) = why_url(&secure, &[]);
    stopped(&answer, "tls", "TLS_NOT_TRUSTED");
    assert_eq!(exit, 3);
    let (exit, answer) = why_url(&secure, &["--tls-fingerprint", &Pin::of_der(b"another").to_string()]);
    stopped(&answer, "pin", "TLS_PIN_MISMATCH");
    assert_eq!((exit, state(&answer, "tls")), (3, "ok"), "{answer}");
    let pin = Pin::of_pem_file(&gateway.folder().join("gateway/tls/gateway-cert.pem")).unwrap().to_string();
    let (exit, answer) = why_url(&secure, &["--tls-fingerprint", &pin]);
    assert_eq!((exit, state(&answer, "tls"), state(&answer, "pin")), (0, "ok", "ok"), "{answer}");
}

/// PROBE-13: another web server, a login page in front, and something that speaks no HTTP.
#[test]
fn what_is_no_gateway_is_said_to_be_none() {
    let web = answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let (exit, answer) = why_url(&web, &[]);
    stopped(&answer, "upgrade", "NOT_A_GATEWAY");
    assert_eq!((exit, state(&answer, "http")), (3, "ok"), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("404"), "{answer}");
    let login = answering(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
    let (exit, answer) = why_url(&login, &[]);
    stopped(&answer, "http", "PROXY_IN_FRONT");
    assert_eq!(exit, 4);
    let (_, answer) = why_url(&answering(b"220 mail.example ESMTP\r\n"), &[]);
    stopped(&answer, "http", "NOT_A_GATEWAY");
}

/// Commands of a machine that reaches `gateway` through `sshd` and has shown nothing of itself yet.
fn laptop<'t>(home: &'t TempDir, sshd: &'t Sshd, gateway: &TestGateway) -> impl Fn(&[&str]) -> (i32, Value) + 't {
    let folder = home.path().join(".openclaw");
    std::fs::create_dir(&folder).unwrap();
    let remote = json!({"gateway": {"remote": {"remotePort": gateway.address().port()}}});
    std::fs::write(folder.join("openclaw.json"), remote.to_string()).unwrap();
    let target = sshd.target();
    move |args| {
        let mut command = alone(home);
        command.env("OPENCLAW_SSH_CONFIG", sshd.config());
        json(&mut command, &[args, &["--ssh", &target, "--timeout", "60s"]].concat())
    }
}

/// PROBE-13: which end of SSH it is at, and a device that holds a token needs no secret.
#[test]
fn ssh_stops_at_its_own_end_or_at_the_far_one() {
    let (sshd, mut gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let home = tempfile::tempdir().unwrap();
    let laptop = laptop(&home, &sshd, &gateway);
    let (exit, answer) = laptop(&["why", "--token", TOKEN]);
    assert_eq!((exit, state(&answer, "ssh"), state(&answer, "dns")), (0, "ok", "skipped"), "{answer}");
    assert_eq!(answer["target"]["transport"], "ssh");
    leaves_no_trace(&home);
    let (exit, answer) = laptop(&["why"]);
    stopped(&answer, "auth", "DEVICE_IDENTITY_REQUIRED");
    assert_eq!((exit, state(&answer, "ssh")), (4, "ok"), "{answer}");
    assert_eq!(laptop(&["health", "--token", TOKEN]).0, 0);
    let (exit, answer) = laptop(&["why"]);
    assert_eq!((exit, state(&answer, "auth"), state(&answer, "pairing")), (0, "ok", "ok"), "{answer}");
    gateway.end(Signal::TERM);
    let (exit, answer) = laptop(&["why"]);
    stopped(&answer, "ssh", "SSH_GATEWAY_REFUSED");
    assert!(exit == 3 && answer["next"][0].as_str().unwrap().contains("openclaw gateway status"), "{answer}");
}

/// PROBE-13, SSH-7
#[test]
fn a_key_that_ssh_does_not_take_stops_at_ssh() {
    let sshd = Sshd::start();
    let home = tempfile::tempdir().unwrap();
    let key = sshd.strange_key();
    let config = std::fs::read_to_string(sshd.config()).unwrap();
    let strange = config.replace(&sshd.client_key().display().to_string(), &key.display().to_string());
    assert_ne!(config, strange, "the configuration names its key");
    let file = home.path().join("ssh_config");
    std::fs::write(&file, strange).unwrap();
    let mut command = alone(&home);
    command.env("OPENCLAW_SSH_CONFIG", &file);
    let (exit, answer) = json(&mut command, &["--ssh", &sshd.target(), "why", "--token", TOKEN, "--timeout", "60s"]);
    stopped(&answer, "ssh", "SSH_AUTH");
    assert_eq!((exit, state(&answer, "tls")), (4, "skipped"), "{answer}");
    leaves_no_trace(&home);
}

/// PROBE-13: what a device's token does not hold is not asked for, so that no pairing is left behind.
#[test]
fn a_token_that_may_not_read_stops_at_the_scope_and_asks_for_no_pairing() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let home = tempfile::tempdir().unwrap();
    let laptop = laptop(&home, &sshd, &gateway);
    let (exit, listed) = laptop(&["devices", "list", "--token", TOKEN]);
    assert_eq!(exit, 0, "{listed}");
    let (exit, answer) = laptop(&["why"]);
    stopped(&answer, "scope", "MISSING_SCOPE");
    assert_eq!((exit, state(&answer, "auth"), state(&answer, "pairing")), (4, "ok", "ok"), "{answer}");
    let (_, listed) = json(&mut gateway.command(), &["devices", "list"]);
    assert_eq!(listed["pending"], json!([]), "{listed}");
}

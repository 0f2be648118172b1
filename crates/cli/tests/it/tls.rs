//! A Gateway that speaks TLS, and the commands that reach it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use kit::tls::TestPair;
use kit::{TOKEN, TestGateway};
use link::{Connect, Credentials, Happened, Pin, PinStore, Source, Target};
use serde_json::{Value, json};

use crate::{binary, json, run};

/// Nothing here takes longer on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn prepared() -> TestGateway {
    TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/tls", json!({"enabled": true}))
}

fn started() -> TestGateway {
    let mut gateway = prepared();
    gateway.boot();
    gateway
}

fn url(gateway: &TestGateway) -> String {
    format!("wss://{}", gateway.address())
}

fn target(gateway: &TestGateway) -> Target {
    Target::parse(&url(gateway), Source::ConfigRemote).unwrap()
}

fn pair_of(gateway: &TestGateway) -> (PathBuf, PathBuf) {
    let folder = gateway.folder().join("gateway/tls");
    (folder.join("gateway-cert.pem"), folder.join("gateway-key.pem"))
}

fn pinned(gateway: &TestGateway, pin: Pin) -> Connect {
    let client = json!({"id": "gateway-client", "mode": "backend", "version": "1", "platform": "linux"});
    Connect {
        pin: Some(pin),
        scopes: vec!["operator.read".into()],
        credentials: Credentials { token: Some(base::Secret::new(TOKEN)), ..<_>::default() },
        ..Connect::new(target(gateway), serde_json::from_value(client).unwrap())
    }
}

/// Looks at the served certificate until it is the one with this pin.
async fn served(gateway: &TestGateway, pin: Pin) {
    let deadline = Instant::now() + PATIENCE;
    while link::fetch_leaf(&target(gateway), None, PATIENCE).await.unwrap().pin != pin {
        assert!(Instant::now() < deadline, "the renewed certificate is not served:\n{}", gateway.printed());
        // Another process's certificate sends no event to somebody who is not connected; this is the poll itself.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn code(answer: &Value) -> &str {
    answer["error"]["code"].as_str().unwrap_or_default()
}

/// By its port, as from a program that cannot reach the socket in the state folder.
fn by_port<'c>(gateway: &TestGateway, command: &'c mut Command) -> &'c mut Command {
    command.env("OPENCLAW_GATEWAY_PORT", gateway.address().port().to_string())
}

/// TLS-1, TLS-2, TLS-8, TLS-13, CRED-13
#[test]
fn a_gateway_makes_its_pair_and_commands_on_its_host_pin_it() {
    let gateway = started();
    let (cert, key) = pair_of(&gateway);
    for (file, mode) in [(&cert, 0o600), (&key, 0o600), (&gateway.folder().join("gateway/tls"), 0o700)] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, mode, "{}", file.display());
    }
    let (exit, health) = json(by_port(&gateway, &mut gateway.command()), &["health"]);
    assert_eq!((exit, &health["ok"]), (0, &json!(true)), "{health}");
    let pin = Pin::of_pem_file(&cert).unwrap().to_string();
    let (_, meant) = json(by_port(&gateway, &mut gateway.command()), &["gateway", "target"]);
    assert_eq!((&meant["url"], &meant["tlsPin"]), (&json!(url(&gateway)), &json!(pin)));
    assert_eq!(meant["tlsPinSource"], "local certificate file");
    let (exit, shown) = json(&mut gateway.command(), &["gateway", "tls", "show"]);
    assert_eq!((exit, &shown["fingerprint"], &shown["enabled"]), (0, &json!(pin), &json!(true)));
    assert!(shown["san"].as_array().unwrap().contains(&json!("localhost")), "{shown}");
    assert!(gateway.printed().contains(&pin), "START-6: {}", gateway.printed());
    let (_, status) = json(&mut gateway.command(), &["gateway", "status"]);
    assert_eq!(status["rpc"]["ok"], true, "{status}");
    assert!(status["gateway"]["controlUiLinks"]["httpUrl"].as_str().unwrap().starts_with("https://"), "{status}");
}

/// TLS-6, TLS-7, TLS-8, TLS-9
#[test]
fn a_url_needs_the_right_fingerprint_and_says_why_without() {
    let gateway = started();
    let pin = Pin::of_pem_file(&pair_of(&gateway).0).unwrap().to_string();
    let url = url(&gateway);
    let health = |more: &[&str]| {
        let args = [&["health", "--url", &url, "--token", TOKEN], more].concat();
        json(&mut gateway.command(), &args)
    };
    let pairs: Vec<&str> = (0..32).map(|at| &pin[at * 2..at * 2 + 2]).collect();
    let openssl = format!("sha256 Fingerprint={}", pairs.join(":").to_uppercase());
    for form in [&pin, &openssl] {
        assert_eq!(health(&["--tls-fingerprint", form]).0, 0, "{form}");
    }
    let wrong = Pin::of_der(b"another").to_string();
    let (exit, failed) = health(&["--tls-fingerprint", &wrong]);
    assert_eq!((exit, code(&failed), &failed["error"]["kind"]), (3, "TLS_PIN_MISMATCH", &json!("tls")), "{failed}");
    let said = failed["error"]["message"].as_str().unwrap();
    assert!(
        said.contains("gateway tls fingerprint mismatch") && said.contains(&pin) && said.contains(&wrong),
        "{said}"
    );
    let (exit, failed) = health(&[]);
    assert_eq!((exit, code(&failed)), (3, "TLS_NOT_TRUSTED"), "no pin is carried to --url: {failed}");
    let (exit, failed) = health(&["--tls-fingerprint", "ab12"]);
    assert_eq!((exit, code(&failed)), (2, "TLS_FINGERPRINT_INVALID"), "{failed}");
    let plain = url.replace("wss", "ws");
    let (exit, failed) =
        json(&mut gateway.command(), &["health", "--url", &plain, "--token", TOKEN, "--tls-fingerprint", &pin]);
    assert_eq!((exit, code(&failed)), (2, "TLS_PIN_NEEDS_WSS"), "{failed}");
}

/// TLS-1, PROBE-13
#[test]
fn each_side_that_speaks_the_other_language_is_told() {
    let gateway = started();
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("https://"), "{reply}");
    let ask = |gateway: &TestGateway, scheme: &str| {
        let url = format!("{scheme}://{}", gateway.address());
        json(&mut gateway.command(), &["health", "--url", &url, "--token", TOKEN])
    };
    let (exit, failed) = ask(&gateway, "ws");
    assert_eq!((exit, code(&failed)), (3, "PLAINTEXT_TO_TLS_PORT"), "{failed}");
    let plain = TestGateway::start(&binary(), &json!({}));
    let (exit, failed) = ask(&plain, "wss");
    assert_eq!((exit, code(&failed)), (3, "TLS_TO_PLAINTEXT_PORT"), "{failed}");
}

/// TLS-4: links are swapped as certificate tools do; half a pair changes nothing; who is connected stays so.
#[tokio::test]
async fn a_renewed_pair_is_taken_over_and_no_connection_dropped() {
    let mut gateway = prepared();
    let (old, new) = (TestPair::self_signed(), TestPair::self_signed());
    let (cert, key) = pair_of(&gateway);
    let folder = cert.parent().unwrap().to_owned();
    std::fs::create_dir_all(&folder).unwrap();
    for (name, pair) in [("old", &old), ("new", &new)] {
        pair.write(&folder.join(format!("{name}-cert")), &folder.join(format!("{name}-key")));
    }
    let swap = |link: &PathBuf, to: &str| {
        symlink(to, folder.join("beside")).unwrap();
        std::fs::rename(folder.join("beside"), link).unwrap();
    };
    swap(&cert, "old-cert");
    swap(&key, "old-key");
    gateway.boot();
    let (before, after) = (Pin::of_der(&old.der), Pin::of_der(&new.der));
    let (client, _events) = link::connect(&pinned(&gateway, before)).await.unwrap();
    swap(&cert, "new-cert");
    let deadline = Instant::now() + PATIENCE;
    while !gateway.printed().contains("the certificate in force is kept") {
        assert!(Instant::now() < deadline, "{}", gateway.printed());
        // The log of another process is a file; this is the poll itself.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    served(&gateway, before).await;
    swap(&key, "new-key");
    served(&gateway, after).await;
    link::connect(&pinned(&gateway, after)).await.unwrap().0.close().await;
    client.request_raw("health", None).await.unwrap();
    let (exit, _) = json(by_port(&gateway, &mut gateway.command()), &["health"]);
    assert_eq!(exit, 0, "the new file is what commands on this host pin");
}

/// TLS-12, TLS-13
#[tokio::test]
async fn a_rotation_is_announced_and_pinned_clients_come_along() {
    let gateway = started();
    let pin = Pin::of_pem_file(&pair_of(&gateway).0).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = PinStore::beside(&folder.path().join("device.json"));
    let how = Connect { pin_store: Some(store.clone()), ..pinned(&gateway, pin) };
    let (client, mut events) = link::connect(&how).await.unwrap();
    let (exit, made) = json(&mut gateway.command(), &["gateway", "tls", "rotate"]);
    assert_eq!((exit, &made["fingerprint"]), (0, &json!(pin.to_string())), "{made}");
    let next: Pin = made["next"]["fingerprint"].as_str().unwrap().parse().unwrap();
    let heard = async {
        loop {
            match events.next().await {
                Happened::Event(event) if event.event == "tls.next" => return event,
                Happened::Closed(closed) => panic!("{closed:?}"),
                _ => {}
            }
        }
    };
    let event = tokio::time::timeout(PATIENCE, heard).await.unwrap();
    assert!(event.payload.unwrap().get().contains(&next.to_string()));
    assert_eq!(store.pins(&target(&gateway).origin(), pin).next, Some(next));
    // A client that was not there hears of it when it comes.
    let later = PinStore::beside(&folder.path().join("later/device.json"));
    let late = Connect { pin_store: Some(later.clone()), ..how.clone() };
    link::connect(&late).await.unwrap().0.close().await;
    assert_eq!(later.pins(&target(&gateway).origin(), pin).next, Some(next));

    let (exit, done) = json(&mut gateway.command(), &["gateway", "tls", "rotate", "--now"]);
    assert_eq!((exit, &done["fingerprint"]), (0, &json!(next.to_string())), "the announced one, no third: {done}");
    served(&gateway, next).await;
    client.request_raw("health", None).await.unwrap();
    link::connect(&how).await.unwrap().0.close().await;
    assert_eq!(store.pins(&target(&gateway).origin(), pin).current, next);
    let left_behind = link::connect(&pinned(&gateway, pin)).await.unwrap_err();
    assert!(left_behind.to_string().contains("fingerprint mismatch"), "{left_behind}");
}

/// TLS-13: what a Gateway did not make is not its to replace.
#[test]
fn a_certificate_from_elsewhere_is_not_rotated() {
    let gateway = prepared();
    let (cert, key) = pair_of(&gateway);
    std::fs::create_dir_all(cert.parent().unwrap()).unwrap();
    TestPair::self_signed().write(&cert, &key);
    let (exit, failed) = json(&mut gateway.command(), &["gateway", "tls", "rotate"]);
    assert_eq!((exit, code(&failed)), (1, "TLS_NOT_OURS"), "{failed}");
}

/// TLS-2: refused with 78, and nothing touched.
#[test]
fn half_a_pair_or_two_halves_are_refused() {
    let gateway = prepared();
    let (cert, key) = pair_of(&gateway);
    std::fs::create_dir_all(cert.parent().unwrap()).unwrap();
    let (one, other) = (TestPair::self_signed(), TestPair::self_signed());
    let start = || run(&mut gateway.command(), &["gateway", "run"]);
    std::fs::write(&cert, &one.cert_pem).unwrap();
    let (exit, _, stderr) = start();
    assert!(exit == 78 && stderr.contains("cert/key missing"), "{exit}: {stderr}");
    assert!(!key.exists() && std::fs::read_to_string(&cert).unwrap() == one.cert_pem);
    std::fs::write(&key, &other.key_pem).unwrap();
    let (exit, _, stderr) = start();
    assert!(exit == 78 && stderr.contains("does not belong"), "{exit}: {stderr}");
    std::fs::write(&key, " ".repeat(64 * 1024 + 1)).unwrap();
    let (exit, _, stderr) = start();
    assert!(exit == 78 && stderr.contains("64 KiB"), "{exit}: {stderr}");
}

/// TLS-11
#[test]
fn a_fingerprint_is_pinned_only_when_it_is_confirmed() {
    let gateway = started();
    let pin = Pin::of_pem_file(&pair_of(&gateway).0).unwrap().to_string();
    let client = TestGateway::prepare(&binary(), &json!({}))
        .with_config("/gateway", json!({"mode": "remote", "remote": {"url": url(&gateway), "token": TOKEN}}));
    let trust =
        |more: &[&str]| json(&mut client.command(), &[&["gateway", "tls", "trust", &url(&gateway)], more].concat());
    let (exit, failed) = trust(&[]);
    assert_eq!((exit, code(&failed)), (1, "TLS_NOT_CONFIRMED"), "nobody is there to ask: {failed}");
    assert!(failed["error"]["message"].as_str().unwrap().contains(&pin), "{failed}");
    let (exit, failed) = trust(&["--accept-fingerprint", &Pin::of_der(b"another").to_string()]);
    assert_eq!((exit, code(&failed)), (1, "TLS_PIN_MISMATCH"), "{failed}");
    let (exit, _) = json(&mut client.command(), &["health"]);
    assert_eq!(exit, 3, "nothing was pinned");
    assert_eq!(trust(&["--accept-fingerprint", &pin]).0, 0);
    let (exit, health) = json(&mut client.command(), &["health"]);
    assert_eq!((exit, &health["ok"]), (0, &json!(true)), "{health}");
    let (_, meant) = json(&mut client.command(), &["gateway", "target"]);
    assert_eq!(meant["tlsPinSource"], "gateway.remote.tlsFingerprint");
    let elsewhere = json(&mut client.command(), &["gateway", "tls", "trust", "wss://127.0.0.1:1"]);
    assert_eq!((elsewhere.0, code(&elsewhere.1)), (1, "TLS_PIN_OTHER_GATEWAY"));
}

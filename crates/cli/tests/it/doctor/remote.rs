//! A machine that is a client of a Gateway elsewhere (DOC-6).

use kit::tls::TestCa;
use kit::{Netns, Signal, Sshd, TOKEN, TestGateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{check, doctor, ids};
use crate::daemon::Daemon;
use crate::{alone, binary, run};

/// The steps of SSH, in order.
const SSH: [&str; 5] =
    ["remote.ssh_program", "remote.ssh_host", "remote.ssh_host_key", "remote.ssh_login", "remote.ssh_forward"];

/// No private network's.
const PUBLIC: &str = "192.0.2.77";

/// A home in remote mode.
fn laptop(remote: Value) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".openclaw");
    base::ensure_private_dir(&folder).unwrap();
    let config = json!({"gateway": {"mode": "remote", "remote": remote}});
    base::write_atomic(&folder.join("openclaw.json"), config.to_string().as_bytes()).unwrap();
    home
}

fn state<'a>(answer: &'a Value, id: &str) -> &'a str {
    check(answer, id)["state"].as_str().unwrap()
}

/// Nothing about this machine's own Gateway, which it has none of.
fn never_about_the_laptop(answer: &Value) {
    assert!(!answer.to_string().contains("gateway.not_running"), "{answer}");
    for family in ["port", "gateway"] {
        assert_eq!(state(answer, family), "skipped", "{answer}");
    }
}

/// DOC-6: every step is well, and the version is compared.
#[test]
fn the_whole_way_through_ssh_is_checked_step_by_step() {
    let (sshd, mut gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let remote = json!({"sshTarget": sshd.target(), "remotePort": gateway.address().port(), "transport": "ssh",
        "token": TOKEN});
    let home = laptop(remote);
    let look = || {
        let mut command = alone(&home);
        command.env("OPENCLAW_SSH_CONFIG", sshd.config());
        doctor(&mut command, &[])
    };
    let (exit, answer) = look();
    assert_eq!((exit, ids(&answer, "failed")), (0, vec![]), "{answer}");
    for id in SSH.iter().chain(&["remote.websocket", "remote.auth", "remote.version"]) {
        assert_eq!(state(&answer, id), "ok", "{id}: {answer}");
    }
    never_about_the_laptop(&answer);
    assert!(!answer.to_string().contains(TOKEN));

    gateway.end(Signal::TERM);
    let (exit, answer) = look();
    assert_eq!((exit, ids(&answer, "failed")), (1, vec!["remote.ssh_forward"]), "{answer}");
    assert_eq!((state(&answer, "remote.ssh_login"), state(&answer, "remote.auth")), ("ok", "skipped"), "{answer}");
    let cure = check(&answer, "remote.ssh_forward")["remediation"].as_str().unwrap();
    assert!(cure.contains("openclaw gateway status"), "{cure}");
    never_about_the_laptop(&answer);
}

/// DOC-6: each end of SSH has its own name and cure.
#[test]
fn ssh_is_told_apart() {
    let sshd = Sshd::start();
    let remote = |target: &str| json!({"sshTarget": target, "transport": "ssh", "token": TOKEN});
    let look = |target: &str, config: &std::path::Path| {
        let home = laptop(remote(target));
        let mut command = alone(&home);
        command.env("OPENCLAW_SSH_CONFIG", config);
        let (exit, answer) = doctor(&mut command, &[]);
        never_about_the_laptop(&answer);
        assert_eq!(exit, 1, "{answer}");
        let cure = answer["checks"].as_array().unwrap().iter().find(|check| check["state"] == "failed").unwrap();
        assert!(cure["remediation"].as_str().is_some_and(|cure| !cure.is_empty()), "{answer}");
        answer
    };
    let text = std::fs::read_to_string(sshd.config()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let strange = folder.path().join("strange_key");
    let other = text.replace(&sshd.client_key().display().to_string(), &sshd.strange_key().display().to_string());
    std::fs::write(&strange, other).unwrap();
    let answer = look(&sshd.target(), &strange);
    assert_eq!(ids(&answer, "failed"), ["remote.ssh_login"], "{answer}");
    assert_eq!(state(&answer, "remote.ssh_host_key"), "ok", "{answer}");

    sshd.forget_host();
    let answer = look(&sshd.target(), &sshd.config());
    assert_eq!(ids(&answer, "failed"), ["remote.ssh_host_key"], "{answer}");
    assert_eq!((state(&answer, "remote.ssh_host"), state(&answer, "remote.ssh_login")), ("ok", "skipped"), "{answer}");

    let nobody = format!("me@127.0.0.1:{}", kit::free_port());
    let answer = look(&nobody, &sshd.config());
    assert_eq!(ids(&answer, "failed"), ["remote.ssh_host"], "{answer}");
}

/// DOC-6: without SSH the same, by URL; and a config that does not say which Gateway.
#[test]
fn a_url_is_checked_step_by_step() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let url = format!("ws://{}", gateway.address());
    let home = laptop(json!({"url": url, "token": TOKEN}));
    let (exit, answer) = doctor(&mut alone(&home), &[]);
    assert_eq!((exit, state(&answer, "remote.tcp"), state(&answer, "remote.auth")), (0, "ok", "ok"), "{answer}");
    let home = laptop(json!({"url": url, "token": "not-the-token"}));
    let (exit, answer) = doctor(&mut alone(&home), &[]);
    assert_eq!((exit, ids(&answer, "failed")), (1, vec!["remote.auth"]), "{answer}");
    assert!(!answer.to_string().contains("not-the-token"), "{answer}");
    let home = laptop(json!({}));
    let (exit, stdout, _) = run(&mut alone(&home), &["doctor"]);
    assert!(exit == 1 && stdout.contains("remote.target"), "{stdout}");
}

/// TLS-12, DOC-2: behind an authority this machine knows, at a public address; behind none, the pin is what is needed.
#[test]
fn a_pin_on_a_certificate_that_is_trusted_anyway_is_named() {
    let host = Netns::new();
    host.ip(&["addr", "add", &format!("{PUBLIC}/32"), "dev", "lo"]);
    let files = tempfile::tempdir().unwrap();
    let [roots, cert, key] = ["roots.pem", "cert.pem", "key.pem"].map(|name| files.path().join(name));
    let (ca, other) = (TestCa::new(), TestCa::new());
    let pair = ca.issue(PUBLIC);
    pair.write(&cert, &key);
    let tls = json!({"enabled": true, "certPath": cert, "keyPath": key});
    let gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/tls", tls);
    let mut daemon = Daemon::spawn(&mut host.on(&gateway.command()), &["gateway", "run", "--bind", "lan", "--json"]);
    daemon.announced();
    let url = format!("wss://{PUBLIC}:{}", gateway.address().port());
    let pin = link::Pin::of_der(&pair.der).to_string();
    let home = laptop(json!({"url": url, "transport": "direct", "token": TOKEN, "tlsFingerprint": pin}));
    let look = |authority: &TestCa| {
        base::write_atomic(&roots, authority.pem().as_bytes()).unwrap();
        let mut command = alone(&home);
        // What OpenSSL's programs read, too.
        command.env("SSL_CERT_FILE", &roots);
        let (_, answer) = doctor(&mut host.on(&command), &["--only", "remote"]);
        assert_eq!(state(&answer, "remote.pin"), "ok", "{answer}");
        answer
    };
    let answer = look(&ca);
    let unneeded = check(&answer, "gateway.remote_pin_public");
    assert_eq!(unneeded["remediation"], "openclaw config unset gateway.remote.tlsFingerprint", "{answer}");
    let answer = look(&other);
    assert!(!ids(&answer, "failed").contains(&"gateway.remote_pin_public"), "{answer}");
}

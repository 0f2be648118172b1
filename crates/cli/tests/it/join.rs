//! Phones and machines join: codes for the owner, and what becomes of them on the other side.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Signal, TOKEN, TestGateway};
use serde_json::{Value, json};
use tempfile::TempDir;
use wire::SetupCode;

use crate::{alone, binary, json, run};

/// How long something may take that is only waited for when it goes wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// A machine with a home of its own, which has never heard of any Gateway.
pub(crate) struct Newcomer {
    pub(crate) home: TempDir,
    child: Option<Child>,
}

impl Newcomer {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), child: None }
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = alone(&self.home);
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("NO_COLOR", "1");
        command
    }

    /// Starts something that stays.
    pub(crate) fn start(&mut self, command: &mut Command, args: &[&str]) {
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        self.child = Some(command.args(args).stdout(Stdio::null()).stderr(errors).spawn().unwrap());
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Asks it to end, and how it did.
    fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        kit::signal(child.id(), Signal::TERM);
        child.wait().unwrap().code()
    }

    fn kept(&self) -> Value {
        let file = self.home.path().join(".openclaw/node.json");
        serde_json::from_slice(&std::fs::read(file).unwrap_or_default()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("host.err")
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _gone_already = child.kill();
            let _status = child.wait();
        }
    }
}

/// A Gateway that lets nobody in silently, with more config.
pub(crate) fn strict(pointer: &str, more: Value) -> TestGateway {
    let nodes = json!({"pairing": {"autoApproveLocal": false, "sshVerify": false}});
    let mut gateway =
        TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/nodes", nodes).with_config(pointer, more);
    gateway.boot();
    gateway
}

/// The nodes the owner sees.
pub(crate) fn nodes(gateway: &TestGateway) -> Vec<Value> {
    let (exit, seen) = json(&mut gateway.command(), &["gateway", "call", "node.list"]);
    assert_eq!(exit, 0, "{seen}");
    seen["nodes"].as_array().unwrap().clone()
}

/// Polls what other processes do, which nobody tells us about.
pub(crate) fn eventually(what: &str, said: impl Fn() -> String, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: {}", said());
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn is_there(gateway: &TestGateway, name: &str) -> bool {
    let seen = nodes(gateway);
    let mut fine = seen.iter().filter(|node| node["displayName"] == name && node["connected"] == true);
    fine.any(|node| node["approvalState"] == "approved")
}

/// N-3.7, N-11.1, N-11.3, N-11.4, N-2.13, PAIR-14, CON-4: one code, and the machine is a node for good: the certificate is
/// insisted on, what it offers is approved, the token it got brings it back without a word, and the code is worth nothing.
#[test]
fn a_code_makes_a_machine_a_node_for_good() {
    let gateway = strict("/gateway/tls", json!({"enabled": true}));
    let url = format!("wss://{}", gateway.address());
    let (exit, made) = json(&mut gateway.command(), &["qr", "--url", &url]);
    assert_eq!((exit, &made["gatewayUrl"], &made["auth"]), (0, &json!(url), &json!("token")), "{made}");
    assert_eq!((&made["access"], &made["endpoints"][0]["ok"]), (&json!("limited"), &json!(true)), "{made}");
    let code = SetupCode::parse(made["setupCode"].as_str().unwrap()).unwrap();
    let (_, shown) = json(&mut gateway.command(), &["gateway", "tls", "show"]);
    assert_eq!(json!(code.tls_fingerprint), shown["fingerprint"]);

    let mut laptop = Newcomer::new();
    let mut command = laptop.command();
    laptop.start(&mut command, &["connect", &code.link(), "--display-name", "Studio"]);
    eventually("it is a node", || laptop.said(), || is_there(&gateway, "Studio"));
    eventually("it keeps where", || laptop.said(), || laptop.kept()["gateway"].is_object());
    let expected = json!({"host": "127.0.0.1", "port": gateway.address().port(), "tls": true,
        "tlsFingerprint": code.tls_fingerprint});
    assert_eq!((&laptop.kept()["gateway"], &laptop.kept()["displayName"]), (&expected, &json!("Studio")));
    assert_eq!(laptop.stop(), Some(0), "{}", laptop.said());

    let (exit, refused) = json(&mut laptop.command(), &["node", "run", "--pair", &code.encode()]);
    assert_eq!((exit, &refused["error"]["details"]["code"]), (4, &json!("AUTH_BOOTSTRAP_TOKEN_INVALID")), "{refused}");
    for args in [&["node", "run"][..], &["node", "run", "--pair", &code.encode(), "--pair-if-needed"]] {
        eventually("it is away", || laptop.said(), || !is_there(&gateway, "Studio"));
        let mut command = laptop.command();
        laptop.start(&mut command, args);
        eventually("it is back", || laptop.said(), || is_there(&gateway, "Studio"));
        assert_eq!(laptop.stop(), Some(0), "{}", laptop.said());
    }
    let (_, devices) = json(&mut gateway.command(), &["devices", "list"]);
    assert_eq!((&devices["paired"][0]["approvedVia"], &devices["pending"]), (&json!("bootstrap"), &json!([])));
    assert_eq!(devices["paired"][0]["roles"], json!(["node"]), "a machine that offers commands is no operator");
    let token = code.bootstrap_token.as_str();
    for said in [laptop.said(), std::fs::read_to_string(gateway.folder().join("gateway.out")).unwrap()] {
        assert!(!said.contains(token) && !said.contains(TOKEN), "{said}");
    }
}

/// N-3.7: the address of a page is enough, and to look at it uses nothing up.
#[test]
fn a_join_page_is_all_that_a_machine_is_given() {
    let gateway = strict("/gateway/bind", json!("loopback"));
    let address = format!("ws://{}", gateway.address());
    let (exit, made) = json(&mut gateway.command(), &["devices", "join-code", "--address", &address]);
    assert_eq!(exit, 0, "{made}");
    let page = made["joinUrl"].as_str().unwrap();
    assert!(made["command"].as_str().unwrap().ends_with(page), "{made}");
    let mut laptop = Newcomer::new();
    let mut command = laptop.command();
    laptop.start(&mut command, &["connect", page, "--display-name", "Den", "--commands", "system.which"]);
    let ready = || nodes(&gateway).iter().any(|node| node["commands"] == json!(["system.which"]));
    eventually("it is a node", || laptop.said(), ready);
    assert_eq!(laptop.stop(), Some(0));
    let (exit, gone) = json(&mut Newcomer::new().command(), &["connect", page]);
    assert_eq!((exit, &gone["error"]["code"]), (4, &json!("JOIN_CODE_UNKNOWN")), "{gone}");
    let (exit, _, errors) = run(&mut Newcomer::new().command(), &["connect", "oc-pair://half-a-code"]);
    assert!(exit == 4 && errors.contains("openclaw qr"), "{exit} {errors}");
    let (exit, _, errors) = run(&mut Newcomer::new().command(), &["node", "run", "--host", "10.0.0.9"]);
    assert!(exit == 4 && errors.contains("openclaw connect CODE"), "{exit} {errors}");
}

/// CON-4, WS-4, PAIR-14: what is printed, and what is said where a code would lead nowhere.
#[test]
fn the_owner_is_shown_a_picture_a_code_and_what_does_not_work() {
    let gateway = strict("/gateway/bind", json!("loopback"));
    let url = format!("ws://{}", gateway.address());
    let (exit, picture, said) = run(&mut gateway.command(), &["qr", "--url", &url]);
    assert!(exit == 0 && picture.contains('█') && said.contains("once"), "{exit} {picture} {said}");
    let widest = picture.lines().filter(|line| line.contains(['█', '▀', '▄'])).map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|widest| (40..=80).contains(&widest)), "{widest:?}");
    let (exit, code, said) = run(&mut gateway.command(), &["qr", "--url", &url, "--setup-code-only"]);
    assert_eq!((exit, said.as_str()), (0, ""));
    assert_eq!(SetupCode::parse(&code).unwrap().url, url);
    let (exit, code, said) = run(&mut gateway.command(), &["qr", "--url", "wss://gw.invalid", "--no-ascii"]);
    assert!(exit == 0 && !code.contains('█') && said.contains("warning: wss://gw.invalid"), "{exit} {code} {said}");
    let other = TestGateway::start(&binary(), &json!({}));
    let (_, made) = json(&mut gateway.command(), &["qr", "--url", &format!("ws://{}", other.address())]);
    assert_eq!(made["endpoints"][0]["problem"], "another Gateway answers there", "{made}");

    let (exit, refused) = json(&mut gateway.command(), &["qr"]);
    let next = refused["error"]["next"].to_string();
    assert_eq!((exit, &refused["error"]["details"]["code"]), (1, &json!("SETUP_LOOPBACK_ONLY")), "{refused}");
    for way in ["gateway.bind lan", "tailscale.mode serve", "qr --url wss://", "node run --ssh"] {
        assert!(next.contains(way), "{way}: {next}");
    }
    let (exit, refused) = json(&mut gateway.command(), &["qr", "--url", "ws://100.64.0.9:18789"]);
    assert_eq!((exit, &refused["error"]["details"]["code"]), (1, &json!("SETUP_ADDRESS_UNFIT")), "{refused}");
}

/// N-11.1, SSH-17: whoever may log in to the Gateway's host needs no code and no secret to be a node of it.
#[test]
fn a_login_makes_a_machine_a_node() {
    let programs = tempfile::tempdir().unwrap();
    let gateway = strict("/gateway/bind", json!("loopback"));
    let port = gateway.address().port().to_string();
    let sshd = crate::ssh::host_of(&gateway, &programs);
    let mut laptop = Newcomer::new();
    for round in ["asked for", "kept"] {
        let mut command = laptop.command();
        command.env("OPENCLAW_SSH_CONFIG", sshd.config());
        let login = sshd.target();
        let first = ["node", "run", "--ssh", &login, "--port", &port, "--display-name", "Attic"];
        let args = if round == "kept" { &["node", "run"][..] } else { &first };
        laptop.start(&mut command, args);
        eventually(round, || laptop.said(), || is_there(&gateway, "Attic"));
        assert_eq!(laptop.stop(), Some(0), "{}", laptop.said());
        eventually("it is away", || laptop.said(), || !is_there(&gateway, "Attic"));
    }
    assert_eq!(laptop.kept()["gateway"]["ssh"], json!(sshd.target()));
    let (_, devices) = json(&mut gateway.command(), &["devices", "list"]);
    assert_eq!(
        (&devices["paired"][0]["approvedVia"], devices["paired"].as_array().unwrap().len()),
        (&json!("bootstrap"), 1)
    );
}

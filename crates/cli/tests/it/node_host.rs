//! `openclaw node run`: a Gateway, the real host beside it, and programs it starts for the agent.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Client, Connect, Signal, TestGateway};
use serde_json::{Value, json};
use wire::ErrorShape;

use crate::{alone, binary};

/// The shared token of the Gateway's config.
const TOKEN: &str = kit::TOKEN;
/// How long something may take that is only waited for when it goes wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A node host on a state folder of its own.
pub(crate) struct Host {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) child: Child,
    errors: std::path::PathBuf,
}

impl Host {
    pub(crate) fn start(gateway: &TestGateway) -> Self {
        Self::start_in(gateway, tempfile::tempdir().unwrap())
    }

    /// In a home that a test has furnished.
    pub(crate) fn start_in(gateway: &TestGateway, folder: tempfile::TempDir) -> Self {
        let mut host = Self { child: nothing(), errors: folder.path().join("host.err"), folder };
        host.child = host.spawn(gateway);
        host
    }

    fn spawn(&self, gateway: &TestGateway) -> Child {
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(&self.errors).unwrap();
        let port = gateway.address().port().to_string();
        let mut command = alone(&self.folder);
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
        command.args(["node", "run", "--display-name", "Studio", "--port", &port]);
        command.stdout(Stdio::null()).stderr(errors).spawn().unwrap()
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap()
    }

    /// The owner's word about what may be run.
    pub(crate) fn policy(&self, defaults: Value) {
        let document = json!({"version": 1, "defaults": defaults});
        let file = self.folder.path().join(".openclaw/exec-approvals.json");
        base::write_atomic(&file, document.to_string().as_bytes()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}

fn nothing() -> Child {
    Command::new("true").spawn().unwrap()
}

/// An operator who hears of nodes.
pub(crate) async fn owner(gateway: &TestGateway) -> Client {
    let scopes = ["operator.admin", "operator.read", "operator.write", "operator.pairing"];
    Client::connect(gateway.address(), &Connect::backend(TOKEN).scopes(&scopes).caps(&["node-progress"])).await.unwrap()
}

/// A Gateway, an operator, and a host whose surface is approved.
async fn approved(gateway: &TestGateway) -> (Client, Host, String) {
    approved_in(gateway, tempfile::tempdir().unwrap()).await
}

/// The same in a home that a test has furnished.
pub(crate) async fn approved_in(gateway: &TestGateway, folder: tempfile::TempDir) -> (Client, Host, String) {
    let mut owner = owner(gateway).await;
    let host = Host::start_in(gateway, folder);
    let asked = owner.event("node.pair.requested").await;
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    let node_id = asked["nodeId"].as_str().unwrap().to_owned();
    (owner, host, node_id)
}

pub(crate) fn call(node_id: &str, key: &str, command: &str, params: Value) -> Value {
    json!({"nodeId": node_id, "command": command, "params": params, "idempotencyKey": key, "timeoutMs": 60_000})
}

async fn run(owner: &mut Client, node_id: &str, key: &str, argv: &[&str]) -> Result<Value, ErrorShape> {
    let asked = call(node_id, key, "system.run", json!({"command": argv}));
    Ok(owner.request("node.invoke", asked).await?["payload"].clone())
}

/// Polls what another process does, which nobody tells us about.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// The number a program writes into `file`.
fn pid_in(file: &Path) -> u32 {
    let mut pid = None;
    eventually("a program writes its pid", || {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        pid = text.strip_suffix('\n').and_then(|text| text.parse().ok());
        pid.is_some()
    });
    pid.unwrap()
}

pub(crate) fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// A program that starts another one out of its sight, which writes its pid and ignores the polite signal.
fn hidden_child(file: &Path) -> String {
    let inner = format!("trap \"\" TERM; echo $$ > {}; while :; do sleep 1; done", file.display());
    format!("setsid sh -c '{inner}' & sleep 300")
}

/// N-2.2, N-3.12, N-7.9, N-10.15, N-10.17, N-11.5, N-11.10
#[tokio::test]
async fn a_host_is_approved_asked_and_runs_what_its_owner_allows() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let mut owner = owner(&gateway).await;
    let host = Host::start(&gateway);
    let asked = owner.event("node.pair.requested").await;
    assert_eq!((&asked["displayName"], &asked["clientId"]), (&json!("Studio"), &json!("node-host")), "{asked}");
    let approve = format!("openclaw nodes approve {}", asked["requestId"].as_str().unwrap());
    eventually("the host says what it waits for", || host.said().contains(&approve));
    owner.request("node.pair.approve", json!({"requestId": asked["requestId"]})).await.unwrap();
    let stats = owner.event("node.hostStats").await;
    eventually("the host says that it is approved", || host.said().contains("INFO approved"));
    assert!(stats["hostStats"]["cpuCount"].as_u64() > Some(0), "{stats}");
    let node_id = asked["nodeId"].as_str().unwrap();
    let row = owner.request("node.describe", json!({"nodeId": node_id})).await.unwrap();
    assert_eq!((&row["approvalState"], &row["connected"]), (&json!("approved"), &json!(true)), "{row}");
    let usable = [
        "browser.proxy",
        "fs.listDir",
        "screen.snapshot",
        "system.execApprovals.get",
        "system.execApprovals.set",
        "system.notify",
        "system.run",
        "system.run.prepare",
        "system.which",
        "terminal.upload",
    ];
    assert_eq!(row["commands"], json!(usable), "is Chromium installed? {row}");

    let which = call(node_id, "which", "system.which", json!({"bins": ["sh", "nosuchprogram"]}));
    let found = owner.request("node.invoke", which).await.unwrap();
    assert!(found["payload"]["bins"]["sh"].as_str().is_some_and(|path| path.ends_with("/sh")), "{found}");
    let listed = call(node_id, "list", "fs.listDir", json!({"path": "~"}));
    let listed = owner.request("node.invoke", listed).await.unwrap();
    assert!(listed["payload"]["entries"].to_string().contains(".openclaw"), "{listed}");

    let denied = run(&mut owner, node_id, "denied", &["echo", "hello"]).await.unwrap_err();
    assert!(denied.message.starts_with("SYSTEM_RUN_DENIED: approval required"), "{denied:?}");
    host.policy(json!({"allowlist": [{"pattern": "echo"}]}));
    let ran = run(&mut owner, node_id, "allowed", &["sh", "-c", "echo hello; echo there"]).await.unwrap();
    let whole = json!({"exitCode": 0, "timedOut": false, "success": true, "stdout": "hello\nthere\n", "stderr": "",
        "error": null});
    assert_eq!(ran, whole);
    assert!(owner.event("node.invoke.progress").await["chunk"].as_str().unwrap().starts_with("hello"), "as it comes");
    let denied = run(&mut owner, node_id, "more", &["sh", "-c", "echo hello; id"]).await.unwrap_err();
    assert!(denied.message.contains("id"), "{denied:?}");
    host.policy(json!({"security": "full", "ask": "off"}));
    let script = "echo $MINE $OPENCLAW_GATEWAY_TOKEN >&2; exit 7";
    let asked = call(node_id, "full", "system.run", json!({"command": ["python-like", "x"]}));
    let missing = owner.request("node.invoke", asked).await.unwrap();
    assert_eq!((&missing["payload"]["success"], &missing["payload"]["exitCode"]), (&json!(false), &json!(127)));
    let asked = call(node_id, "env", "system.run", json!({"command": ["bash", "-c", script], "env": {"MINE": "x"}}));
    let failed = owner.request("node.invoke", asked).await.unwrap();
    assert_eq!(failed["payload"]["exitCode"], 7, "{failed}");
    assert_eq!(failed["payload"]["stderr"], "\n", "neither the host's secret nor a variable for a shell");
}

/// N-11.7, N-11.8: what a program reads comes whole, however much it reads of it, and only where everything may run.
#[tokio::test]
async fn a_program_reads_what_a_call_has_for_it() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (mut owner, host, node_id) = approved(&gateway).await;
    host.policy(json!({"allowlist": [{"pattern": "cat"}]}));
    let mut fed = async |key: &str, argv: &[&str], stdin: &str| {
        let asked = call(&node_id, key, "system.run", json!({"command": argv, "stdin": stdin}));
        owner.request("node.invoke", asked).await.map(|answer| answer["payload"].clone())
    };
    let denied = fed("listed", &["cat"], "x").await.unwrap_err();
    assert!(denied.message.starts_with("SYSTEM_RUN_DENIED"), "{denied:?}");
    host.policy(json!({"security": "full", "ask": "off"}));
    assert_eq!(fed("cat", &["cat"], "hello\n").await.unwrap()["stdout"], "hello\n");
    let much = "x".repeat(900_000);
    assert_eq!(fed("much", &["wc", "-c"], &much).await.unwrap()["stdout"], "900000\n");
    assert_eq!(fed("unread", &["sh", "-c", "exec 0<&-; echo done"], &much).await.unwrap()["stdout"], "done\n");
    assert_eq!(fed("none", &["cat"], "").await.unwrap()["stdout"], "");
    let too_much = fed("too much", &["cat"], &"x".repeat(1_100_000)).await.unwrap_err();
    assert!(too_much.message.contains("at most"), "{too_much:?}");
}

/// N-5.6, N-11.8: what was started ends with its time and with its call, with everything below it.
#[tokio::test]
async fn time_and_cancellation_stop_everything_that_was_started() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (mut owner, host, node_id) = approved(&gateway).await;
    host.policy(json!({"security": "full", "ask": "off"}));
    let file = host.path("timed");
    let params = json!({"command": ["sh", "-c", hidden_child(&file)], "timeoutMs": 1500});
    let ran = owner.request("node.invoke", call(&node_id, "timed", "system.run", params)).await.unwrap();
    assert_eq!((&ran["payload"]["timedOut"], &ran["payload"]["success"]), (&json!(true), &json!(false)), "{ran}");
    assert!(!lives(pid_in(&file)), "the answer comes when all is stopped");

    let file = host.path("cancelled");
    let mut asked = call(&node_id, "cancelled", "system.run", json!({"command": ["sh", "-c", hidden_child(&file)]}));
    asked["timeoutMs"] = json!(1500);
    let late = owner.request("node.invoke", asked).await.unwrap_err();
    assert!(late.message.starts_with("TIMEOUT"), "{late:?}");
    let pid = pid_in(&file);
    eventually("the cancelled program ends", || !lives(pid));
}

/// N-5.7, N-5.11, N-11.2: the host comes back by itself, with what it may, and does nothing twice.
#[tokio::test]
async fn a_host_comes_back_after_the_gateway_and_answers_a_repeated_key_once() {
    let mut gateway = TestGateway::start(&binary(), &json!({}));
    let (mut first, host, node_id) = approved(&gateway).await;
    host.policy(json!({"security": "full", "ask": "off"}));
    let file = host.path("times");
    let script = format!("echo once >> {}", file.display());
    run(&mut first, &node_id, "k", &["sh", "-c", &script]).await.unwrap();
    gateway.crash_and_restart();
    let mut owner = owner(&gateway).await;
    eventually("the host is back", || host.said().contains("connected again"));
    let row = owner.request("node.describe", json!({"nodeId": node_id})).await.unwrap();
    assert_eq!(row["approvalState"], "approved", "it offers what it offered: {row}");
    let again = run(&mut owner, &node_id, "k", &["sh", "-c", &script]).await.unwrap();
    assert_eq!(again["success"], true);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "once\n", "the Gateway forgot, the node did not");
    let other = run(&mut owner, &node_id, "k", &["sh", "-c", "true"]).await.unwrap_err();
    assert!(other.message.contains("idempotencyKey"), "{other:?}");
}

/// N-11.8: a host that is killed leaves nobody behind; one that is told to stop leaves cleanly.
#[tokio::test]
async fn a_killed_host_leaves_no_program_behind() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (mut owner, mut host, node_id) = approved(&gateway).await;
    host.policy(json!({"security": "full", "ask": "off"}));
    let file = host.path("hidden");
    let asked = call(&node_id, "k", "system.run", json!({"command": ["sh", "-c", hidden_child(&file)]}));
    let asked = owner.send("node.invoke", &asked).await;
    let pid = pid_in(&file);
    host.child.kill().unwrap();
    host.child.wait().unwrap();
    let lost = owner.answer(&asked).await.unwrap_err().unwrap();
    assert!(lost.message.starts_with("DISCONNECTED"), "{lost:?}");
    eventually("the program ends with the host", || !lives(pid));

    host.child = host.spawn(&gateway);
    eventually("the host is known", || host.said().matches("connected; offering").count() == 2);
    kit::signal(host.child.id(), Signal::TERM);
    assert_eq!(host.child.wait().unwrap().code(), Some(0), "{}", host.said());
}

/// N-11.1, N-11.2
#[test]
fn what_cannot_work_is_said_at_once() {
    let home = tempfile::tempdir().unwrap();
    let (exit, _, errors) = crate::run(&mut alone(&home), &["node", "run", "--commands", "system.run,sms.send"]);
    assert!(exit == 2 && errors.contains("`sms.send`") && errors.contains("system.which"), "{exit} {errors}");
    let (exit, identity) = crate::json(&mut alone(&home), &["node", "identity"]);
    assert_eq!((exit, identity["nodeId"].as_str().map(str::len)), (0, Some(64)), "{identity}");
    let (_, again) = crate::json(&mut alone(&home), &["node", "identity"]);
    assert_eq!(again, identity, "the same device");
    let gateway = TestGateway::start(&binary(), &json!({}));
    let port = gateway.address().port().to_string();
    let mut command = alone(&home);
    command.env("OPENCLAW_GATEWAY_TOKEN", "wrong").args(["node", "run", "--port", &port]);
    let (exit, _, errors) = crate::run(&mut command, &[]);
    assert_eq!(exit, 4, "a wrong secret is not tried for ever: {errors}");
}

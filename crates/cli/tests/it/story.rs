//! The story of the seeds, with real processes: somebody says something, the agent calls a node, a person on another client
//! allows it, a machine elsewhere does it, and the answer comes back.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kit::vendors::FakeOpenAi;
use kit::{Client, Connect, Netns, Sshd, TOKEN, TestGateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::crash::model;
use crate::ssh::host_of;
use crate::{alone, binary};

/// A loaded machine gets there within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Gateway, a scripted model, who speaks to it, and who decides.
struct Scene {
    gateway: TestGateway,
    vendor: FakeOpenAi,
    owner: Client,
    decider: Client,
}

impl Scene {
    /// The model calls `nodes`, and then says what came of it.
    async fn set(bind: &str) -> Self {
        let vendor = FakeOpenAi::start().await;
        let mut gateway = TestGateway::prepare(&binary(), &model(&vendor)).with_config("/gateway/bind", json!(bind));
        gateway.boot();
        let scopes = ["operator.admin", "operator.read", "operator.write", "operator.pairing"];
        let owner = Client::connect(gateway.address(), &Connect::backend(TOKEN).scopes(&scopes)).await.unwrap();
        let decider = Connect::backend(TOKEN).scopes(&["operator.approvals"]).caps(&["exec-approvals"]);
        let decider = Client::connect(gateway.address(), &decider).await.unwrap();
        Self { gateway, vendor, owner, decider }
    }

    /// Says something for which the model wants `line` run on the node.
    async fn say(&mut self, run_id: &str, line: &str) {
        let call = json!({"action": "run", "node": "builder", "command": line});
        self.vendor.reply_tool_call("nodes", call).reply_text("So it stands.");
        let message = json!({"sessionKey": "main", "message": "how does it stand?", "idempotencyKey": run_id});
        self.owner.request("chat.send", message).await.unwrap();
    }

    /// What a person is asked about.
    async fn question(&mut self) -> Value {
        within("a question", self.decider.event("exec.approval.requested")).await
    }

    async fn allow(&mut self, question: &Value) {
        let decision = json!({"id": question["id"], "decision": "allow-once"});
        self.decider.request("exec.approval.resolve", decision).await.unwrap();
    }

    /// The answer, and what the model was told of the node before it wrote it.
    async fn answered(&mut self, run_id: &str) -> String {
        let is_final = |chat: &Value| chat["runId"] == *run_id && chat["state"] == "final";
        let last = within("an answer", self.owner.event_where("chat", is_final)).await;
        assert!(last.to_string().contains("So it stands."), "{last}");
        let asked = self.vendor.requests();
        let messages = &asked.last().unwrap().body["messages"];
        messages.as_array().unwrap().last().unwrap().to_string()
    }
}

/// Lets a node in: the device first, unless it was, then what it offers.
pub(crate) async fn let_in(owner: &mut Client, is_device_new: bool) {
    if is_device_new {
        let device = within("a device", owner.event("device.pair.requested")).await;
        owner.request("device.pair.approve", json!({"requestId": device["requestId"]})).await.unwrap();
    }
    let surface = within("a surface", owner.event("node.pair.requested")).await;
    owner.request("node.pair.approve", json!({"requestId": surface["requestId"]})).await.unwrap();
}

pub(crate) async fn within<T>(what: &str, event: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, event).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
}

/// `openclaw node run`, ended with the test.
pub(crate) struct Host {
    child: Child,
    home: TempDir,
}

impl Host {
    /// Reaching the Gateway as its config and `how` say, with a command that `place` puts where it belongs.
    pub(crate) fn start(config: Value, how: &[&str], place: impl FnOnce(Command) -> Command) -> Self {
        let home = tempfile::tempdir().unwrap();
        let errors = std::fs::File::create(home.path().join("host.err")).unwrap();
        let folder = home.path().join(".openclaw");
        base::ensure_private_dir(&folder).unwrap();
        base::write_atomic(&folder.join("openclaw.json"), config.to_string().as_bytes()).unwrap();
        let token = home.path().join("token.txt");
        base::write_atomic(&token, TOKEN.as_bytes()).unwrap();
        let mut command = alone(&home);
        command.env("PATH", std::env::var_os("PATH").unwrap()).args(["node", "run", "--display-name", "builder"]);
        command.args(how).arg("--token-file").arg(token);
        let mut command = place(command);
        let child = command.stdout(Stdio::null()).stderr(errors).spawn().unwrap();
        Self { child, home }
    }
}

impl Drop for Host {
    #[expect(clippy::print_stderr, reason = "a test that failed shows it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = std::fs::read_to_string(self.home.path().join("host.err")).unwrap_or_default();
            eprintln!("the node host said:\n{said}");
        }
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// N-1.3, N-3.1, N-3.13, N-12.11, N-12.16, N-12.17: the machine is another host of the network, let in by a person, and
/// each command on it is allowed by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_on_another_network_does_what_the_agent_wants_once_a_person_allows_it() {
    let mut scene = Scene::set("lan").await;
    let there = Netns::new();
    let gateway = there.join_this_machine();
    let port = scene.gateway.address().port().to_string();
    let _host = Host::start(json!({}), &["--host", &gateway, "--port", &port], |command| there.on(&command));
    let_in(&mut scene.owner, true).await;
    scene.say("first", "ls /sys/class/net").await;
    let question = scene.question().await;
    let asked = &question["request"];
    assert_eq!(asked["host"], "node");
    assert!(asked["command"].as_str().unwrap().contains("ls /sys/class/net"), "{asked}");
    scene.allow(&question).await;
    let told = scene.answered("first").await;
    assert!(told.contains("lan0"), "the far machine has a card that this one has not: {told}");
    // What was allowed once is asked about again.
    scene.say("second", "ls /sys/class/net").await;
    let again = scene.question().await;
    assert_ne!(again["id"], question["id"]);
    scene.decider.request("exec.approval.resolve", json!({"id": again["id"], "decision": "deny"})).await.unwrap();
    let told = scene.answered("second").await;
    assert!(told.contains("not run"), "{told}");
}

/// N-12.17, SSH-12, RECON-7: the machine reaches the Gateway through SSH; the server dies while a person thinks about it,
/// and the node is back by itself before the word is given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_behind_ssh_is_back_by_itself_after_the_server_was_killed() {
    let mut scene = Scene::set("loopback").await;
    let programs = tempfile::tempdir().unwrap();
    let mut sshd: Sshd = host_of(&scene.gateway, &programs);
    let (target, config) = (sshd.target(), sshd.config());
    let far = json!({"gateway": {"remote": {"remotePort": scene.gateway.address().port()}}});
    let _host = Host::start(far, &["--ssh", &target], |mut command| {
        command.env("OPENCLAW_SSH_CONFIG", config);
        command
    });
    let_in(&mut scene.owner, false).await;
    scene.say("first", "echo from $((6 * 7)) afar").await;
    let question = scene.question().await;
    sshd.stop();
    let dead_since = base::now_ms();
    sshd.boot();
    // Told on every connection, as soon as the node may say anything.
    let is_later = |told: &Value| told["hostStats"]["updatedAtMs"].as_i64().is_some_and(|at| at > dead_since);
    within("the node again", scene.owner.event_where("node.hostStats", is_later)).await;
    scene.allow(&question).await;
    let told = scene.answered("first").await;
    assert!(told.contains("from 42 afar"), "{told}");
}

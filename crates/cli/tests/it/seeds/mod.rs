//! The published pages about remote access, held sentence by sentence: what they tell a reader to type works as typed, and
//! what they say of the product is so. The commands are transcribed here; the far host is a real `sshd` with a real Gateway.

mod defaults;
mod names;
mod security;
mod tunnel;
mod verbatim;

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::vendors::{FakeOpenAi, Reply};
use kit::{Sshd, TestGateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{alone, binary};

/// Nothing here takes longer on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the far agent answers.
const ANSWER: &str = "Here I am, on the far host.";

/// What the pages name besides `status --deep` and `gateway send`, all of which need a Gateway or fail.
const COMMANDS: &[&[&str]] = &[
    &["health"],
    &["gateway", "health"],
    &["gateway", "call", "health"],
    &["gateway", "call", "status"],
    &["gateway", "agent", "-m", "where are you?"],
];

/// The host of the Gateway: `sshd`, a Gateway on loopback, a model behind it.
struct FarHost {
    sshd: Sshd,
    gateway: TestGateway,
    _model: FakeOpenAi,
}

impl FarHost {
    async fn start() -> Self {
        let model = FakeOpenAi::start().await;
        model.always(Reply::text(ANSWER));
        let gateway = TestGateway::start(&binary(), &crate::crash::model(&model));
        Self { sshd: Sshd::start(), gateway, _model: model }
    }

    /// `gateway.port` there.
    fn port(&self) -> u16 {
        self.gateway.address().port()
    }
}

/// The forward of the pages, held by the system's own `ssh`; gone when dropped.
struct Tunnel {
    ssh: Child,
    local: u16,
}

impl Tunnel {
    /// `ssh -N -L LOCAL:127.0.0.1:REMOTE user@host`, with a config that knows who `host` is.
    fn open(far: &FarHost, home: &TempDir) -> Self {
        let local = kit::free_port();
        let config = home.path().join("ssh_config");
        let host = format!("Host host\n  HostName 127.0.0.1\n  Port {}\n", far.sshd.address().port());
        std::fs::write(&config, format!("{host}Match all\nInclude {}\n", far.sshd.config().display())).unwrap();
        let forward = format!("{local}:127.0.0.1:{}", far.port());
        let mut command = Command::new("ssh");
        command.arg("-F").arg(config).args(["-N", "-L", &forward, &format!("{}@host", far.sshd.user())]);
        let mut tunnel = Self { ssh: command.stdin(Stdio::null()).spawn().unwrap(), local };
        tunnel.await_up(far);
        tunnel
    }

    fn await_up(&mut self, far: &FarHost) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.local)).is_err() {
            assert!(self.ssh.try_wait().unwrap().is_none(), "ssh ended:\n{}", far.sshd.log());
            assert!(Instant::now() < deadline, "no forward:\n{}", far.sshd.log());
            // Another process's listener sends no event; this is the poll itself.
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// `ws://127.0.0.1:LOCAL`.
    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.local)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _gone_already = self.ssh.kill();
        let _status = self.ssh.wait();
    }
}

/// The machine of the reader, with the config the page tells to write, or none.
struct Laptop {
    home: TempDir,
}

impl Laptop {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn with(config: &str) -> Self {
        let laptop = Self::new();
        laptop.write(config);
        laptop
    }

    fn write(&self, config: &str) {
        let folder = self.home.path().join(".openclaw");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("openclaw.json"), config).unwrap();
    }

    fn command(&self) -> Command {
        alone(&self.home)
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        crate::run(&mut self.command(), args)
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        crate::json(&mut self.command(), args)
    }
}

/// The config block of the pages, as printed there, for this local end and this token.
fn published(url: &str, token: &str) -> String {
    format!(
        r#"{{
  gateway: {{
    mode: "remote",
    remote: {{
      url: "{url}",
      token: "{token}",
    }},
  }},
}}
"#
    )
}

/// Every command of the pages reaches the far Gateway, and the agent's answer is the far one's.
fn all_reach(run: impl Fn(&[&str]) -> (i32, Value)) {
    for args in COMMANDS {
        let (exit, answer) = run(args);
        assert_eq!(exit, 0, "{args:?}: {answer}");
        assert_eq!(answer.to_string().contains(ANSWER), args.contains(&"agent"), "{args:?}: {answer}");
    }
    let (exit, status) = run(&["status", "--deep"]);
    assert_eq!((exit, &status["gateway"]["reachable"]), (0, &json!(true)), "{status}");
    assert_eq!(status["health"]["ok"], true, "{status}");
    let (exit, status) = run(&["gateway", "status", "--require-rpc"]);
    assert_eq!((exit, &status["rpc"]["ok"]), (0, &json!(true)), "{status}");
}

//! What the pages print, letter by letter: their command, their port, their block, on two hosts that have nothing in common
//! but SSH.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kit::{Netns, Sshd, TOKEN, TestGateway};
use serde_json::{Value, json};

use super::{Laptop, PATIENCE, published};
use crate::binary;
use crate::daemon::Daemon;

/// `gateway.port` where nobody has set one.
const PORT: u16 = 18_789;

/// The reader's machine: a network of its own, and an SSH configuration that knows who `host` is.
struct Reader {
    net: Netns,
    laptop: Laptop,
}

impl Reader {
    fn new(sshd: &Sshd, far: &Netns) -> Self {
        let reader = Self { net: Netns::new(), laptop: Laptop::new() };
        let server = far.on(&sshd.at_stdin());
        let words: Vec<_> = std::iter::once(server.get_program()).chain(server.get_args()).collect();
        let way = words.join(std::ffi::OsStr::new(" "));
        let host = format!("Host host\n  HostName 127.0.0.1\n  Port {}\n", sshd.address().port());
        let config =
            format!("{host}  ProxyCommand {}\nMatch all\nInclude {}\n", way.display(), sshd.config().display());
        std::fs::write(reader.ssh_config(), config).unwrap();
        reader
    }

    fn ssh_config(&self) -> std::path::PathBuf {
        self.laptop.home.path().join("ssh_config")
    }

    /// `ssh -N -L 18789:127.0.0.1:18789 user@host`.
    fn forward(&self, user: &str) -> Forward {
        let mut ssh = Command::new("ssh");
        ssh.env("PATH", std::env::var_os("PATH").unwrap()).arg("-F").arg(self.ssh_config());
        ssh.args(["-N", "-L", "18789:127.0.0.1:18789", &format!("{user}@host")]);
        Forward(self.net.on(&ssh).stderr(Stdio::inherit()).spawn().unwrap())
    }

    /// Runs `args` with `token` in the environment, or nothing.
    fn json(&self, args: &[&str], token: Option<&str>) -> (i32, Value) {
        let mut command = self.laptop.command();
        command.envs(token.map(|token| ("OPENCLAW_GATEWAY_TOKEN", token)));
        crate::json(&mut self.net.on(&command), args)
    }
}

struct Forward(Child);

impl Drop for Forward {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// The TCP ports that anything listens on in the network of this process.
fn listening(pid: u64) -> BTreeSet<u16> {
    let tables = ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap());
    let port = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = columns.get(1)?.rsplit_once(':')?;
        (columns.get(3) == Some(&"0A")).then(|| u16::from_str_radix(port, 16).unwrap())
    };
    tables.iter().flat_map(|table| table.lines()).filter_map(port).collect()
}

/// SEED-2, SEED-3, CRED-1, CFG-3. The sentences of the pages:
/// - the Gateway's WebSocket binds to loopback on the configured port, 18789 by default;
/// - `ssh -N -L 18789:127.0.0.1:18789 user@host` makes a tunnel to it;
/// - with it, `openclaw health` and `openclaw status --deep` reach the far Gateway at `ws://127.0.0.1:18789`;
/// - the block with `mode: "remote"` makes that what commands use by themselves;
/// - the URL stays `ws://127.0.0.1:18789` where the Gateway is loopback-only, and the tunnel comes first;
/// - WebChat has no HTTP port of its own: one port is all that is open there.
#[test]
fn the_printed_command_and_block_work_as_printed() {
    let (far, sshd) = (Netns::new(), Sshd::start());
    let reader = Reader::new(&sshd, &far);
    let gateway = TestGateway::prepare(&binary(), &json!({}))
        .with_config("/gateway", json!({"mode": "local", "auth": {"mode": "token", "token": TOKEN}}));
    let run = ["gateway", "run", "--bind", "loopback", "--json"];
    let mut daemon = Daemon::spawn(&mut far.on(&gateway.command()), &run);
    let said = daemon.announced();
    assert_eq!(said["urls"][0], "ws://127.0.0.1:18789", "{said}");
    assert_eq!(listening(said["pid"].as_u64().unwrap()), BTreeSet::from([PORT]), "one port, for everything");

    let without = reader.json(&["health"], Some(TOKEN));
    assert_eq!(without.0, 3, "the tunnel comes first: {}", without.1);
    let _forward = reader.forward(&sshd.user());
    let began = Instant::now();
    while reader.json(&["health"], Some(TOKEN)).0 != 0 {
        assert!(began.elapsed() < PATIENCE, "{:?}", reader.json(&["health"], Some(TOKEN)));
        // Each look is a process, and `ssh` has no event; this is the poll itself.
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let all = |token: Option<&str>| {
        for args in [&["health"][..], &["gateway", "health"], &["gateway", "call", "status"]] {
            let (exit, answer) = reader.json(args, token);
            assert_eq!(exit, 0, "{args:?}: {answer}");
        }
        let (_, status) = reader.json(&["status", "--deep"], token);
        assert_eq!(status["gateway"]["reachable"], true, "{status}");
        assert_eq!(status["gateway"]["url"], "ws://127.0.0.1:18789", "{status}");
    };
    all(Some(TOKEN));
    reader.laptop.write(&published("ws://127.0.0.1:18789", TOKEN));
    all(None);
}

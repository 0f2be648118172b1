//! `gateway run`: what it says when it is up, and what it leaves alone.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use kit::TestGateway;
use serde_json::{Value, json};

use crate::{alone, binary, json, run};

/// A daemon whose output a test reads; killed when dropped.
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn spawn(command: &mut Command, args: &[&str]) -> Self {
        Self(command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The object `--json` prints once it listens.
    pub(crate) fn announced(&mut self) -> Value {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// All it prints on stdout from now on.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.0.stdout.take().unwrap()
    }

    /// Its exit code.
    pub(crate) fn ended(&mut self) -> i32 {
        self.0.wait().unwrap().code().unwrap()
    }

    /// What it prints on stderr until a line contains `last`.
    fn says_until(&mut self, last: &str) -> String {
        let mut said = String::new();
        for line in BufReader::new(self.0.stderr.as_mut().unwrap()).lines() {
            let line = line.unwrap();
            said += &format!("{line}\n");
            if line.contains(last) {
                break;
            }
        }
        said
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// START-6
#[test]
fn once_it_listens_it_says_where_and_how_to_get_there() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let port = gateway.address().port();
    let mut daemon = Daemon::spawn(&mut gateway.command(), &["gateway", "run", "--bind", "loopback", "--json"]);
    let said = daemon.announced();
    assert_eq!((&said["ok"], &said["port"], &said["pid"]), (&json!(true), &json!(port), &json!(daemon.0.id())));
    assert_eq!(said["urls"][0], format!("ws://127.0.0.1:{port}"));
    assert_eq!(said["controlUiUrl"], format!("http://127.0.0.1:{port}/"));
    assert_eq!(said["version"], env!("CARGO_PKG_VERSION"));
    assert!(said["ssh"].as_str().is_some_and(|line| line.starts_with("ssh -N -L 18789:127.0.0.1:")), "{said}");
    assert!(said["logFile"].as_str().is_some_and(|file| file.ends_with(".log")), "{said}");
    assert_eq!(run(&mut gateway.command(), &["health"]).0, 0, "it does listen");
    drop(daemon);

    let mut daemon = Daemon::spawn(&mut gateway.command(), &["gateway", "run", "--bind", "loopback"]);
    let tunnel = format!("ssh -N -L 18789:127.0.0.1:{port} ");
    let said = daemon.says_until(&tunnel);
    let pid = daemon.0.id().to_string();
    for part in [env!("CARGO_PKG_VERSION"), &pid, "local", &format!("ws://127.0.0.1:{port}"), ".log"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// PROF-3
#[test]
fn the_dev_profile_has_its_own_port_config_and_workspace_and_can_begin_anew() {
    let home = tempfile::tempdir().unwrap();
    let (_, target) = json(&mut alone(&home), &["--dev", "gateway", "target"]);
    assert_eq!(target["url"], "ws://127.0.0.1:19001");
    let folder = home.path().join(".openclaw-dev");
    let start = |args: &[&str]| {
        let args = [&["--dev", "gateway", "run", "--port", "0", "--json"], args].concat();
        Daemon::spawn(&mut alone(&home), &args).announced()
    };
    assert_eq!(start(&[])["ok"], true);
    assert!(folder.join("openclaw.json").is_file() && folder.join("workspace").is_dir());
    let marker = folder.join("workspace/marker");
    std::fs::write(&marker, "").unwrap();
    assert_eq!(start(&[])["ok"], true);
    assert!(marker.exists(), "nothing is wiped unasked");
    assert_eq!(start(&["--reset"])["ok"], true);
    assert!(!marker.exists() && folder.join("openclaw.json").is_file());
    let (exit, _, stderr) = run(&mut alone(&home), &["gateway", "run", "--reset"]);
    assert!(exit == 2 && stderr.contains("--dev"), "{stderr}");
}

/// START-5
#[test]
fn force_stops_nothing_that_is_not_ours_and_nothing_from_a_script() {
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = stranger.local_addr().unwrap().port().to_string();
    let gateway = TestGateway::start(&binary(), &json!({}));
    let force = |port: &str| run(&mut gateway.command(), &["gateway", "run", "--force", "--port", port]);
    let (exit, _, stderr) = force(&port);
    assert!(exit == 1 && stderr.contains(&format!("pid {}: ", std::process::id())), "{stderr}");
    let (exit, _, stderr) = force(&gateway.address().port().to_string());
    assert!(exit == 1 && stderr.contains("only from a terminal"), "{stderr}");
    assert_eq!(run(&mut gateway.command(), &["health"]).0, 0, "it is still there");
}

/// START-5
#[test]
fn force_on_a_terminal_stops_a_gateway_of_ours_and_takes_its_port() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let old = gateway.pid().as_raw_nonzero();
    let mut command = gateway.command();
    command.args(["gateway", "run", "--bind", "loopback", "--force"]).env("TERM", "xterm").stdin(Stdio::inherit());
    let mut terminal = rexpect::session::spawn_command(command, Some(20_000)).unwrap();
    terminal.exp_string(&format!("to the Gateway with pid {old}")).unwrap();
    terminal.exp_string(&format!("listening on ws://127.0.0.1:{}", gateway.address().port())).unwrap();
    assert_eq!(run(&mut gateway.command(), &["health"]).0, 0);
    terminal.send_control('c').unwrap();
    terminal.exp_eof().unwrap();
}

/// LOCK-4, SEED-1: only one Gateway runs on a host, but for profiles (`two_profiles_run_side_by_side_on_ports_of_their_own`).
#[test]
fn a_second_daemon_leaves_a_healthy_one_in_charge_and_exits_with_78() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let mut command = gateway.command();
    command.env("INVOCATION_ID", "a-supervisor").env("OPENCLAW_SERVICE_MARKER", "openclaw");
    let (exit, _, stderr) = run(&mut command, &["gateway", "run"]);
    assert_eq!(exit, 78, "{stderr}");
    assert!(stderr.contains(&format!("pid {}", gateway.pid().as_raw_nonzero())), "{stderr}");
    assert_eq!(run(&mut gateway.command(), &["health"]).0, 0);
}

/// CLI-10, PROBE-4
#[test]
fn a_command_never_starts_a_gateway_or_does_its_work_itself() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    for args in
        [&["agent", "-m", "hello"][..], &["health"], &["sessions"], &["models", "list"], &["status", "--require"]]
    {
        assert_eq!(run(&mut gateway.command(), args).0, 3, "{args:?}");
    }
    assert_eq!(run(&mut gateway.command(), &["status"]).0, 0, "a report succeeds");
    assert!(std::net::TcpStream::connect(gateway.address()).is_err(), "nobody listens");
    let left: Vec<_> = gateway.folder().read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "openclaw.json" || name == "identity"), "no state was made: {left:?}");
}

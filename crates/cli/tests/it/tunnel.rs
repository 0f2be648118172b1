//! A kept port: the real binary, a real `sshd`, a real Gateway behind it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use kit::{Sshd, TOKEN, TestGateway};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::binary;
use crate::ssh::{BACKENDS, Laptop, processes_with};

/// Takes a laptop's tunnels down when its test ends, however it ends.
pub(crate) struct Tidy(PathBuf);

impl Tidy {
    pub(crate) fn up(laptop: &Laptop<'_>) -> Self {
        Self(laptop.home.path().to_owned())
    }
}

impl Drop for Tidy {
    fn drop(&mut self) {
        let mut command = Command::new(binary());
        let _none_is_up = command.env_clear().env("HOME", &self.0).args(["tunnel", "down", "--all", "--json"]).output();
    }
}

fn up(laptop: &Laptop<'_>, sshd: &Sshd, far_port: u16, more: &[&str]) -> (i32, Value) {
    let (target, far_port) = (sshd.target(), far_port.to_string());
    laptop.json(&[&["tunnel", "up", &target, "--remote-port", &far_port], more].concat())
}

fn port_of(up: &Value) -> u16 {
    u16::try_from(up["tunnel"]["localPort"].as_u64().unwrap_or_else(|| panic!("{up}"))).unwrap()
}

pub(crate) fn health(laptop: &Laptop<'_>, port: u16) -> (i32, Value) {
    let url = format!("ws://127.0.0.1:{port}");
    laptop.json(&["health", "--url", &url, "--token", TOKEN, "--timeout", "30s"])
}

fn the_one(laptop: &Laptop<'_>) -> Value {
    let (exit, status) = laptop.json(&["tunnel", "status"]);
    assert_eq!((exit, status["tunnels"].as_array().map(Vec::len)), (0, Some(1)), "{status}");
    status["tunnels"][0].clone()
}

/// Waits until `is_so`: the end of another process, and what it writes, are no events here; this is the poll itself.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// SSH-5, SSH-10, SSH-13: a program that knows nothing of SSH uses the port, before and after the far `sshd` was
/// restarted; a second `up` finds the first; its record is the owner's alone and tells what went through.
#[test]
fn a_tunnel_carries_plain_clients_and_outlives_its_sshd() {
    for backend in BACKENDS {
        carried_by(backend);
    }
}

fn carried_by(backend: &'static str) {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let far_port = gateway.address().port();
    let mut sshd = Sshd::start();
    let (home, tidy) = {
        let laptop = Laptop::by(backend, &sshd, &json!({}));
        let tidy = Tidy::up(&laptop);
        let (exit, first) = up(&laptop, &sshd, far_port, &["--local-port", "0"]);
        assert_eq!((exit, &first["alreadyUp"]), (0, &json!(false)), "{first}");
        let (exit, second) = up(&laptop, &sshd, far_port, &[]);
        assert_eq!((exit, &second["alreadyUp"]), (0, &json!(true)), "{second}");
        assert_eq!(second["tunnel"]["localPort"], first["tunnel"]["localPort"]);
        let (exit, healthy) = health(&laptop, port_of(&first));
        assert_eq!((exit, &healthy["ok"]), (0, &json!(true)), "{healthy}");
        // The built-in client shares inside a process: one login of `up`, and one of the keeper for all it carries.
        assert_eq!(sshd.logins(), if backend == "openssh" { 1 } else { 2 }, "{}", sshd.log());
        let folder = laptop.home.path().join(".openclaw/tunnels");
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            assert!(!std::fs::read_to_string(&path).unwrap().contains(TOKEN));
        }
        until("its record never told of the connections", || {
            let one = the_one(&laptop);
            one["connections"].as_u64() >= Some(2) && one["open"] == 0 && one["bytesReceived"].as_u64() > Some(100)
        });
        (laptop.home, tidy)
    };
    sshd.stop();
    sshd.boot();
    let laptop = Laptop { home, ..Laptop::by(backend, &sshd, &json!({})) };
    // Before the home goes.
    let _tidy = tidy;
    let tunnel = the_one(&laptop);
    let port = u16::try_from(tunnel["localPort"].as_u64().unwrap()).unwrap();
    let (exit, healthy) = health(&laptop, port);
    assert_eq!((exit, &healthy["ok"]), (0, &json!(true)), "{healthy}");
    let (exit, _, stderr) = laptop.run(&["tunnel", "logs", &sshd.target()]);
    assert_eq!(exit, 0, "{stderr}");
    let (exit, down) = laptop.json(&["tunnel", "down", &sshd.target()]);
    assert_eq!((exit, &down["closed"]), (0, &json!([port])), "{down}");
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(), "the port is closed");
    let (exit, list) = laptop.json(&["tunnel", "list"]);
    assert_eq!((exit, list), (0, json!({"tunnels": []})));
    let (exit, failed) = laptop.json(&["tunnel", "down", &sshd.target()]);
    assert_eq!((exit, &failed["error"]["code"]), (1, &json!("TUNNEL_NOT_UP")));
}

/// SSH-5, SSH-8, SSH-10: a stranger's port is never joined, and what does not come up says why and leaves nothing.
#[test]
fn what_cannot_come_up_says_why_and_leaves_nothing() {
    for backend in BACKENDS {
        nothing_left_by(backend);
    }
}

fn nothing_left_by(backend: &'static str) {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let laptop = Laptop::by(backend, &sshd, &json!({}));
    let _tidy = Tidy::up(&laptop);
    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = stranger.local_addr().unwrap().port().to_string();
    let (exit, failed) = up(&laptop, &sshd, gateway.address().port(), &["--local-port", &taken]);
    assert_eq!((exit, &failed["error"]["code"]), (1, &json!("TUNNEL_PORT_IN_USE")), "{failed}");
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("pid {}", std::process::id())), "who holds it: {message}");
    let (exit, failed) = up(&laptop, &sshd, kit::free_port(), &["--local-port", "0"]);
    assert_eq!((exit, &failed["error"]["code"]), (3, &json!("SSH_GATEWAY_REFUSED")), "{failed}");
    let (exit, failed) = up(&laptop, &sshd, sshd.address().port(), &["--local-port", "0"]);
    assert_eq!((exit, failed["error"]["message"].as_str().unwrap().contains("SSH-2.0")), (3, true), "{failed}");
    let (exit, _, stderr) = laptop.run(&["tunnel", "up"]);
    assert_eq!(exit, 2, "no host is named: {stderr}");
    let (exit, _, stderr) = laptop.run(&["tunnel", "up", "me@-oProxyCommand=x"]);
    assert_eq!(exit, 2, "{stderr}");
    let (_, list) = laptop.json(&["tunnel", "list"]);
    assert_eq!(list, json!({"tunnels": []}));
}

/// SSH-9: kill -9 of the keeper leaves no `ssh` but the shared connection; what it left on disk is taken away, and the
/// same port can be had again.
#[test]
fn a_killed_keeper_leaves_no_ssh_and_the_port_can_be_had_again() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let laptop = Laptop::new(&sshd, &json!({}));
    let _tidy = Tidy::up(&laptop);
    let far_port = gateway.address().port();
    let (_, first) = up(&laptop, &sshd, far_port, &["--local-port", "0"]);
    let port = port_of(&first);
    let config = sshd.config().display().to_string();
    let mut open = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    open.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").unwrap();
    open.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert!(open.read(&mut [0; 64]).unwrap() > 0, "it leads to the Gateway");
    // The shared connection has another title, and the ssh of the question `up` asked is about to end.
    until("one ssh, of the open connection", || processes_with(&config) == 1);
    let pid = i32::try_from(first["tunnel"]["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    until("its ssh outlived it", || processes_with(&config) == 0);
    let (_, list) = laptop.json(&["tunnel", "list"]);
    assert_eq!(list, json!({"tunnels": []}), "a dead keeper is no tunnel");
    assert!(!laptop.home.path().join(format!(".openclaw/tunnels/{port}.json")).exists());
    let (exit, again) = up(&laptop, &sshd, far_port, &["--local-port", &port.to_string()]);
    assert_eq!((exit, &again["alreadyUp"]), (0, &json!(false)), "{again}");
    let pid = i32::try_from(again["tunnel"]["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    let record = laptop.home.path().join(format!(".openclaw/tunnels/{port}.json"));
    until("SIGTERM left its record", || !record.exists());
    assert_eq!(sshd.logins(), 1, "{}", sshd.log());
}

/// SSH-16: a socket that is the owner's alone, used by flag and by variable, beside a port to the same place.
#[test]
fn a_tunnel_can_end_in_a_socket_of_its_owner() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let laptop = Laptop::new(&sshd, &json!({}));
    let _tidy = Tidy::up(&laptop);
    let far_port = gateway.address().port();
    let (exit, first) = up(&laptop, &sshd, far_port, &["--socket"]);
    assert_eq!((exit, &first["tunnel"]["localPort"]), (0, &Value::Null), "{first}");
    let path = PathBuf::from(first["tunnel"]["socket"].as_str().unwrap());
    assert!(path.starts_with(laptop.home.path().join(".openclaw/tunnels")), "{first}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let url = first["tunnel"]["url"].as_str().unwrap();
    let (exit, healthy) = laptop.json(&["health", "--url", url, "--token", TOKEN]);
    assert_eq!((exit, &healthy["ok"]), (0, &json!(true)), "{healthy}");
    let mut command = laptop.command();
    command.env("OPENCLAW_GATEWAY_URL", url).env("OPENCLAW_GATEWAY_TOKEN", TOKEN);
    let (exit, healthy) = crate::json(&mut command, &["health"]);
    assert_eq!((exit, &healthy["ok"]), (0, &json!(true)), "{healthy}");
    let (_, again) = up(&laptop, &sshd, far_port, &["--socket"]);
    assert_eq!(again["alreadyUp"], true, "{again}");
    let (_, port) = up(&laptop, &sshd, far_port, &["--local-port", "0"]);
    assert_eq!(port["alreadyUp"], false, "a port is another end: {port}");
    let status = laptop.run(&["tunnel", "status"]).1;
    assert!(status.contains(path.to_str().unwrap()), "{status}");
    let (exit, down) = laptop.json(&["tunnel", "down", "--all"]);
    assert!(exit == 0 && down["closed"].as_array().unwrap().contains(&json!(path)), "{down}");
    assert!(!path.exists(), "the socket went with its keeper");
    let long = laptop.home.path().join("x".repeat(120));
    let (exit, failed) = up(&laptop, &sshd, far_port, &["--socket", long.to_str().unwrap()]);
    assert_eq!((exit, &failed["error"]["code"]), (1, &json!("TUNNEL_SOCKET_UNUSABLE")), "{failed}");
}

/// SSH-13: a tunnel that nobody uses ends by itself when that was asked for.
#[test]
fn an_unused_tunnel_ends_when_it_was_to_be_kept_only_so_long() {
    let (sshd, gateway) = (Sshd::start(), TestGateway::start(&binary(), &json!({})));
    let laptop = Laptop::new(&sshd, &json!({}));
    let _tidy = Tidy::up(&laptop);
    let (exit, up) = up(&laptop, &sshd, gateway.address().port(), &["--local-port", "0", "--keep", "2s"]);
    assert_eq!(exit, 0, "{up}");
    until("it stayed", || laptop.json(&["tunnel", "list"]).1 == json!({"tunnels": []}));
}

/// SSH-7: an unknown key is shown and taken when its fingerprint is the one that was given; a changed one never is.
#[test]
fn an_unknown_key_can_be_trusted_and_a_changed_one_cannot() {
    for backend in BACKENDS {
        trusted_by(backend);
    }
}

fn trusted_by(backend: &'static str) {
    let mut sshd = Sshd::start();
    let known = |sshd: &Sshd| std::fs::read_to_string(sshd.known_hosts()).unwrap();
    let (host, good) = (sshd.address().to_string(), known(&sshd));
    sshd.forget_host();
    {
        let laptop = Laptop::by(backend, &sshd, &json!({}));
        let (exit, unknown) = laptop.json(&["tunnel", "up", &sshd.target(), "--local-port", "0"]);
        assert_eq!((exit, &unknown["error"]["code"]), (3, &json!("SSH_HOST_KEY_UNKNOWN")), "{unknown}");
        let cure = format!("openclaw tunnel trust {}", sshd.target());
        assert_eq!(unknown["error"]["next"][0], json!(cure));
        let (exit, asked) = laptop.json(&["tunnel", "trust", &host]);
        assert_eq!((exit, &asked["error"]["code"]), (1, &json!("SSH_HOST_KEY_NOT_CONFIRMED")), "{asked}");
        let message = asked["error"]["message"].as_str().unwrap();
        let fingerprint = message.split_whitespace().find(|word| word.starts_with("SHA256:")).unwrap();
        let (exit, wrong) = laptop.json(&["tunnel", "trust", &host, "--fingerprint", "SHA256:AAAA"]);
        assert_eq!((exit, &wrong["error"]["code"]), (1, &json!("SSH_HOST_KEY_MISMATCH")), "{wrong}");
        assert_eq!(known(&sshd), "", "nothing was taken");
        let (exit, taken) = laptop.json(&["tunnel", "trust", &host, "--fingerprint", fingerprint]);
        assert_eq!((exit, &taken["added"]), (0, &json!(true)), "{taken}");
        let words = |text: &str| text.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&known(&sshd)), words(&good));
        let (exit, again) = laptop.json(&["tunnel", "trust", &format!("me@{host}"), "--yes"]);
        assert_eq!((exit, &again["added"]), (0, &json!(false)), "{again}");
    }
    sshd.swap_host_key();
    let before = known(&sshd);
    let laptop = Laptop::by(backend, &sshd, &json!({}));
    let (exit, changed) = laptop.json(&["tunnel", "trust", &host, "--yes"]);
    assert_eq!((exit, &changed["error"]["code"]), (1, &json!("SSH_HOST_KEY_CHANGED")), "{changed}");
    assert_eq!(known(&sshd), before);
    let (exit, changed) = laptop.json(&["tunnel", "up", &sshd.target(), "--local-port", "0"]);
    assert_eq!((exit, &changed["error"]["code"]), (3, &json!("SSH_HOST_KEY_CHANGED")), "{changed}");
    assert!(!changed["error"]["next"].to_string().contains("trust"), "{changed}");
}

//! `gateway run` under a service manager: what it is told, the sockets it lends, and its signals.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use kit::{Signal, TestGateway, free_port};
use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::{binary, run};

const PATIENCE: Duration = Duration::from_secs(30);

/// A manager at `socket` that always listens, as systemd does; what it is told comes out of the channel.
fn manager(socket: &Path) -> Receiver<String> {
    let manager = UnixDatagram::bind(socket).unwrap();
    let (heard, told) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(length) = manager.recv(&mut buffer) {
            if heard.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                return;
            }
        }
    });
    told
}

/// Waits until the manager is told `word`.
fn told(manager: &Receiver<String>, word: &str) {
    let deadline = Instant::now() + PATIENCE;
    while let Ok(message) = manager.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        if message.contains(word) {
            return;
        }
    }
    panic!("the manager was never told {word}");
}

fn rewrite(gateway: &TestGateway, change: impl Fn(&mut Value)) {
    let file = gateway.folder().join("openclaw.json");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    change(&mut config);
    base::write_atomic(&file, config.to_string().as_bytes()).unwrap();
}

/// SVC-5, CFG-8: ready, alive, restarting on a signal and for a changed port, stopping.
#[test]
fn the_manager_is_told_and_a_signal_or_a_changed_port_restarts_it_in_its_process() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let socket = gateway.folder().join("notify");
    let manager = manager(&socket);
    let mut command = gateway.command();
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "200000");
    let mut daemon = Daemon::spawn(&mut command, &["gateway", "run", "--bind", "loopback", "--json"]);
    let first = daemon.announced();
    told(&manager, "READY=1");
    told(&manager, "WATCHDOG=1");
    let pid = Pid::from_raw(i32::try_from(first["pid"].as_i64().unwrap()).unwrap()).unwrap();

    kill_process(pid, Signal::USR2).unwrap();
    told(&manager, "RELOADING=1");
    assert_eq!(daemon.announced()["pid"], first["pid"]);
    told(&manager, "READY=1");

    let port = free_port();
    rewrite(&gateway, |config| config["gateway"]["port"] = json!(port));
    let moved = daemon.announced();
    assert_eq!((&moved["port"], &moved["pid"]), (&json!(port), &first["pid"]));
    assert_eq!(run(&mut gateway.command(), &["health"]).0, 0);

    kill_process(pid, Signal::TERM).unwrap();
    told(&manager, "STOPPING=1");
    assert_eq!(daemon.ended(), 0);
}

/// SVC-6: the manager keeps the socket, so whoever knocks while nobody is there is answered by the next Gateway.
#[test]
fn a_lent_socket_refuses_nobody_between_two_gateways() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let listener = TcpListener::bind(gateway.address()).unwrap();
    rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
    let script = format!("exec 3<&{}; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$@\"", listener.as_raw_fd());
    let start = || {
        let mut command = Command::new("bash");
        let inherited = gateway.command();
        command.env_clear().envs(inherited.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["-c", &script, "bash"]).arg(binary());
        let mut daemon = Daemon::spawn(&mut command, &["gateway", "run", "--bind", "loopback", "--json"]);
        assert_eq!(daemon.announced()["port"], gateway.address().port());
        daemon
    };
    drop(start());
    let mut knock = TcpStream::connect(gateway.address()).unwrap();
    knock.set_read_timeout(Some(PATIENCE)).unwrap();
    knock.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").unwrap();
    let _next = start();
    let mut answer = String::new();
    knock.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

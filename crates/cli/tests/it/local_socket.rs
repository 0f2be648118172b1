//! Commands on the Gateway's host come in by the socket in its state folder.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kit::{TOKEN, TestGateway};
use serde_json::json;

use crate::daemon::Daemon;
use crate::{binary, json, run};

/// Counts who connects to the port that the config names, where no Gateway listens.
fn knocks(at: std::net::SocketAddr) -> Arc<AtomicUsize> {
    let listener = TcpListener::bind(at).unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    count
}

/// CRED-1, CRED-2, CRED-5: the socket is for the Gateway of this host, and only when nothing else was said.
#[test]
fn commands_of_this_host_take_the_local_socket_and_dial_no_port() {
    let gateway = TestGateway::prepare(&binary(), &json!({}));
    let knocks = knocks(gateway.address());
    let args = ["gateway", "run", "--bind", "loopback", "--port", "0", "--json"];
    // Another secret than the config's: whoever comes in shows none.
    let mut daemon = Daemon::spawn(gateway.command().env("OPENCLAW_GATEWAY_TOKEN", "unused"), &args);
    let real_port = daemon.announced()["port"].to_string();
    let socket = gateway.folder().join("gateway.sock");
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);

    for args in [&["health"][..], &["sessions"], &["devices", "list"], &["nodes"], &["gateway", "call", "config.get"]] {
        let (exit, answer) = json(&mut gateway.command(), args);
        assert_eq!(exit, 0, "{args:?}: {answer}");
    }
    let (_, target) = json(&mut gateway.command(), &["gateway", "target"]);
    assert_eq!((&target["transport"], &target["credentials"]["token"]), (&json!("unix"), &json!(null)), "{target}");
    assert_eq!(knocks.load(Ordering::SeqCst), 0, "no port was dialled");

    let (exit, _) = json(&mut gateway.command(), &["health", "--port", &real_port]);
    assert_eq!(exit, 0, "a named port is dialled");
    let (_, target) = json(&mut gateway.command(), &["gateway", "target", "--token", TOKEN]);
    assert_eq!(target["transport"], "direct");
    let (exit, _) = json(&mut gateway.command(), &["health", "--token", TOKEN, "--timeout", "300"]);
    assert!(exit == 3 && knocks.load(Ordering::SeqCst) > 0, "an explicit secret goes to the port");

    drop(daemon);
    assert!(socket.exists(), "a killed Gateway leaves its socket");
    let (exit, _, stderr) = run(&mut gateway.command(), &["health", "--timeout", "300"]);
    assert_eq!(exit, 3, "a dead socket is passed over for the port: {stderr}");
    let mut again = Daemon::spawn(&mut gateway.command(), &args);
    again.announced();
    assert_eq!(run(&mut gateway.command(), &["health"]).0, 0, "and replaced by the next Gateway");
}

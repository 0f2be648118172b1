//! A service that is ready when it says so, comes back when it dies, and refuses nobody while it restarts.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base::profile_port;
use kit::TOKEN;
use serde_json::json;

use super::double::Host;
use crate::run;

const SERVICE: &str = "openclaw-gateway.service";

/// SVC-1, SVC-2, SVC-3, PROBE-6, PROBE-7
#[test]
fn an_installed_gateway_answers_and_no_secret_is_in_its_unit() {
    let host = Host::new();
    let (exit, before) = host.json(&["gateway", "status", "--no-probe"]);
    assert_eq!((exit, &before["service"]["loaded"]), (0, &json!(false)));
    host.install();
    assert_eq!(run(&mut host.command(), &["health"]).0, 0, "ready means that it answers");
    let units = host.units();
    assert!(units.contains("Type=notify") && units.contains("ListenStream=127.0.0.1"), "{units}");
    assert!(!units.contains(TOKEN), "{units}");
    let (_, seen) = host.json(&["gateway", "status", "--deep"]);
    let service = &seen["service"];
    assert_eq!((&service["loaded"], &service["runtime"]["status"]), (&json!(true), &json!("running")), "{seen}");
    assert_eq!(service["runtime"]["pid"], json!(host.systemd.pid(SERVICE)));
    assert_eq!(service["command"]["sourcePath"], json!(host.unit(SERVICE)));
    assert_eq!((&service["configAudit"]["ok"], &seen["gateway"]["portSource"]), (&json!(true), &json!("service args")));
    let (_, status) = host.json(&["status"]);
    assert_eq!(status["gatewayService"]["installed"], true);
    let (exit, again) = host.json(&["gateway", "install"]);
    assert_eq!((exit, &again["result"]), (0, &json!("already-installed")), "{again}");
    assert_eq!(host.systemd.starts(SERVICE), 1);
}

/// SVC-6, SVC-5: the socket stays open while the process changes, so that a client waits and is never refused.
#[test]
fn a_restart_refuses_nobody() {
    let host = Host::new();
    host.install();
    let (refused, served, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                match TcpStream::connect(("127.0.0.1", host.port)) {
                    Ok(_) => served.fetch_add(1, Ordering::Relaxed),
                    Err(_) => refused.fetch_add(1, Ordering::Relaxed),
                };
                std::thread::park_timeout(Duration::from_millis(1));
            }
        });
        for args in [&["gateway", "restart", "--wait"][..], &["daemon", "restart", "--force", "--wait", "30s"]] {
            let before = host.systemd.pid(SERVICE);
            let (exit, answer) = host.json(args);
            assert_eq!((exit, &answer["result"]), (0, &json!("restarted")), "{answer}");
            assert_ne!(host.systemd.pid(SERVICE), before, "another process");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(refused.into_inner(), 0);
    assert!(served.into_inner() > 10, "the client did connect");
    assert_eq!(run(&mut host.command(), &["health"]).0, 0);
}

/// SVC-2
#[test]
fn a_killed_gateway_comes_back_and_one_that_was_stopped_does_not() {
    let host = Host::new();
    host.install();
    let pid = host.systemd.pid(SERVICE).unwrap();
    let raw = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(raw, rustix::process::Signal::KILL).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while host.systemd.pid(SERVICE).is_none_or(|now| now == pid) {
        assert!(Instant::now() < deadline, "nobody started it again");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert_eq!(run(&mut host.command(), &["health"]).0, 0);

    let (exit, answer) = host.json(&["gateway", "stop"]);
    assert_eq!((exit, &answer["error"]["code"]), (2, &json!("USAGE")), "a script says --force: {answer}");
    let (exit, answer) = host.json(&["gateway", "stop", "--force"]);
    assert_eq!((exit, &answer["result"]), (0, &json!("stopped")), "{answer}");
    assert!(TcpStream::connect(("127.0.0.1", host.port)).is_err(), "the socket is closed, too");
    let (exit, answer) = host.json(&["gateway", "start"]);
    assert_eq!((exit, &answer["result"]), (0, &json!("started")), "{answer}");
    assert_eq!(run(&mut host.command(), &["health"]).0, 0);
    let (exit, answer) = host.json(&["gateway", "uninstall"]);
    assert_eq!((exit, &answer["result"]), (0, &json!("uninstalled")), "{answer}");
    assert_eq!(host.units(), "");
    assert!(host.home.path().join(".openclaw/openclaw.json").exists(), "config and state stay");
}

/// PROF-2, PROF-4, PROF-5, SEED-1: one Gateway a host, unless profiles are run apart on purpose.
#[test]
fn two_profiles_run_side_by_side_on_ports_of_their_own() {
    let host = Host::new();
    host.install();
    // The port of a profile follows from its name; another process of this machine may have it.
    let free = |name: &&String| std::net::TcpListener::bind(("127.0.0.1", profile_port(name))).is_ok();
    let names: Vec<String> = (0..20).map(|n| format!("t{}-{n}", std::process::id())).collect();
    let name = names.iter().find(free).unwrap();
    let setup = run(&mut host.command(), &["--profile", name, "setup"]);
    assert_eq!(setup.0, 0, "{setup:?}");
    let (exit, answer) = host.json(&["--profile", name, "gateway", "install"]);
    assert_eq!((exit, &answer["result"]), (0, &json!("installed")), "{answer}");
    assert!(host.unit(&format!("openclaw-gateway-{name}.service")).exists());
    let (exit, _) = host.json(&["--profile", name, "health"]);
    assert_eq!((exit, host.json(&["health"]).0), (0, 0));
    let (_, seen) = host.json(&["--profile", name, "gateway", "status", "--deep"]);
    assert_eq!(seen["gateway"]["port"], profile_port(name));
    assert_eq!(seen["extraServices"][0]["label"], "openclaw-gateway");
}

//! What `gateway install` refuses, and what it says where there is nobody to install for.

use serde_json::json;

use super::double::Host;
use crate::{alone, run};

/// SVC-1
#[test]
fn each_refusal_has_its_code_and_writes_nothing() {
    let host = Host::new();
    let other = host.home.path().join(".openclaw-other");
    let cases: [(&str, &str, &str); 4] = [
        ("OPENCLAW_HOME", host.home.path().to_str().unwrap(), "SERVICE_HOME_OVERRIDDEN"),
        ("OPENCLAW_NIX_MODE", "1", "SERVICE_NIX_MODE"),
        ("OPENCLAW_SUPERVISOR_MODE", "external", "SERVICE_SUPERVISED_EXTERNALLY"),
        ("OPENCLAW_STATE_DIR", other.to_str().unwrap(), "SERVICE_STATE_FOREIGN"),
    ];
    for (name, value, code) in cases {
        let (exit, answer) = crate::json(host.command().env(name, value), &["gateway", "install"]);
        assert_eq!((exit, &answer["error"]["code"]), (1, &json!(code)), "{answer}");
    }
    for (auth, code) in [
        (json!({"mode": "token"}), "SERVICE_SECRET_NOT_DURABLE"),
        (
            json!({"token": "a-long-token-0123456789", "password": "a-long-password-0123"}),
            "GATEWAY_AUTH_MODE_AMBIGUOUS",
        ),
    ] {
        let config = json!({"gateway": {"mode": "local", "port": host.port, "auth": auth}}).to_string();
        std::fs::write(host.home.path().join(".openclaw/openclaw.json"), config).unwrap();
        let mut command = host.command();
        // A token of this shell reaches no service.
        command.env("OPENCLAW_GATEWAY_TOKEN", "a-token-of-this-shell-0123456789");
        let (exit, answer) = crate::json(&mut command, &["gateway", "install"]);
        assert!(exit != 0 && answer["error"]["code"] == code, "{exit} {answer}");
    }
    assert_eq!(host.units(), "");
    assert!(host.systemd.asked().iter().all(|asked| asked.contains(" show ")), "{:?}", host.systemd.asked());
}

/// SVC-1: no user bus (after `su`, in a container), and no systemd at all.
#[test]
fn without_a_manager_it_says_so_and_names_the_way_out() {
    let host = Host::new();
    host.systemd.take_the_bus_away();
    let (exit, answer) = host.json(&["gateway", "install"]);
    assert_eq!((exit, &answer["error"]["code"]), (1, &json!("SERVICE_NO_USER_BUS")), "{answer}");
    let next = answer["error"]["next"].to_string();
    assert!(next.contains("--system") || next.contains("enable-linger ann"), "{next}");
    assert_eq!(host.units(), "");

    let mut command = alone(&host.home);
    command.env("OPENCLAW_SYSTEMCTL", "/nonexistent/systemctl");
    let (exit, answer) = crate::json(&mut command, &["gateway", "install"]);
    assert_eq!((exit, &answer["error"]["code"]), (1, &json!("SERVICE_MANAGER_MISSING")), "{answer}");
    assert!(answer["error"]["next"].to_string().contains("openclaw gateway run"), "{answer}");
}

/// SVC-2: a service that cannot start is said to be installed and not to run.
#[test]
fn a_start_that_fails_is_told_from_a_manager_that_does_not_obey() {
    let host = Host::new();
    let taken = std::net::TcpListener::bind(("127.0.0.1", host.port)).unwrap();
    let (exit, answer) = host.json(&["gateway", "install"]);
    assert_eq!((exit, &answer["error"]["code"]), (1, &json!("SERVICE_START_FAILED")), "{answer}");
    drop(taken);
    let (exit, answer) = host.json(&["gateway", "install"]);
    assert_eq!((exit, &answer["result"]), (0, &json!("already-installed")), "{answer}");
    assert_eq!(run(&mut host.command(), &["health"]).0, 0, "doing it again mends it");
}

/// SVC-2
#[test]
fn lingering_is_offered_and_done_when_asked_for() {
    let host = Host::new();
    let (_, answer) = host.json(&["gateway", "install"]);
    assert!(answer["hints"].to_string().contains("loginctl enable-linger ann"), "{answer}");
    assert!(!host.systemd.lingers());
    let (_, answer) = host.json(&["gateway", "install", "--linger"]);
    assert!(host.systemd.lingers() && !answer["warnings"].to_string().contains("linger"), "{answer}");
}

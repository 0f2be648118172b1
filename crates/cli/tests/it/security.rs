//! `openclaw security audit` on a real install: what it says, what `--fix` touches, and its exit codes (DOC-1…4).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use kit::{TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::{alone, binary, json, run};

fn ids(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["checkId"].as_str().unwrap()).collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// DOC-2: a certificate that has run out is found in the file the Gateway would serve, and one that is good is not.
#[test]
fn a_certificate_that_has_run_out_is_found() {
    let gateway = TestGateway::prepare(&binary(), &json!({})).with_config("/gateway/tls", json!({"enabled": true}));
    let folder = gateway.folder().join("gateway/tls");
    std::fs::create_dir_all(&folder).unwrap();
    let (cert, key) = (folder.join("gateway-cert.pem"), folder.join("gateway-key.pem"));
    let ca = kit::tls::TestCa::new();
    for (pair, is_found) in [(ca.issue("127.0.0.1"), false), (ca.issue_expired("127.0.0.1"), true)] {
        pair.write(&cert, &key);
        let (_, report) = json(&mut gateway.command(), &["security", "audit"]);
        assert_eq!(ids(&report).contains(&"gateway.tls_expiring"), is_found, "{report}");
    }
}

/// DOC-1, DOC-2, DOC-4: found, then mended, and nothing but modes has changed.
#[test]
fn what_others_can_read_is_found_and_mended() {
    let home = tempfile::tempdir().unwrap();
    let (exit, ..) = run(&mut alone(&home), &["setup", "--non-interactive"]);
    assert_eq!(exit, 0);
    let state = home.path().join(".openclaw");
    let file = state.join("openclaw.json");
    let before = std::fs::read_to_string(&file).unwrap();
    set(&state, 0o777);
    set(&file, 0o666);

    let (exit, report) = json(&mut alone(&home), &["security", "audit"]);
    assert_eq!(exit, 0, "a report succeeds");
    for id in ["fs.state_dir.perms_world_writable", "fs.config.perms_writable", "fs.config.perms_world_readable"] {
        assert!(ids(&report).contains(&id), "{id}: {report}");
    }
    assert_eq!(report["findings"][0]["severity"], "critical", "the worst comes first");
    let (exit, ..) = run(&mut alone(&home), &["security", "audit", "--fail-on", "critical"]);
    assert_eq!(exit, 1);

    let (exit, fixed) = json(&mut alone(&home), &["security", "audit", "--fix"]);
    assert_eq!((exit, &fixed["fix"]["ok"]), (0, &json!(true)));
    assert!(!ids(&fixed["report"]).iter().any(|id| id.starts_with("fs.")), "{fixed}");
    assert_eq!((mode(&state), mode(&file)), (0o700, 0o600));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    let (exit, ..) = run(&mut alone(&home), &["security", "audit", "--fail-on", "critical"]);
    assert_eq!(exit, 0);
}

/// DOC-2, SVC-3: a unit of an older install that carries the token.
#[test]
fn a_secret_in_a_service_file_is_critical() {
    let home = tempfile::tempdir().unwrap();
    let units = home.path().join(".config/systemd/user");
    std::fs::create_dir_all(&units).unwrap();
    let unit = "[Service]\nEnvironment=CLAWDBOT_GATEWAY_TOKEN=hunter2hunter2\n";
    std::fs::write(units.join("clawdbot-gateway.service"), unit).unwrap();
    let (_, stdout, _) = run(&mut alone(&home), &["security", "audit"]);
    assert!(stdout.contains("gateway.service_secret_embedded") && !stdout.contains("hunter2"), "{stdout}");
    assert!(stdout.lines().all(|line| line.chars().count() <= 80), "{stdout}");
}

/// DOC-1: `--deep` asks the Gateway; no secret is in anything it prints.
#[test]
fn a_deep_audit_asks_the_gateway_and_tells_no_secret() {
    let mut gateway = TestGateway::start(&binary(), &json!({}));
    let (exit, report) = json(&mut gateway.command(), &["security", "audit", "--deep"]);
    assert_eq!((exit, &report["deep"]["gateway"]["ok"]), (0, &json!(true)));
    assert!(!report.to_string().contains(TOKEN));
    let (_, status) = json(&mut gateway.command(), &["status", "--deep"]);
    assert!(status["securityAudit"]["summary"]["info"].is_u64(), "{status}");
    gateway.end(kit::Signal::TERM);
    let (exit, report) = json(&mut gateway.command(), &["security", "audit", "--deep"]);
    assert_eq!((exit, &report["deep"]["gateway"]["ok"]), (0, &json!(false)));
    assert!(ids(&report).contains(&"gateway.probe_failed"));
}

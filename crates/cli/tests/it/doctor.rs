//! `openclaw doctor` on real installs: each family with something wrong, and what mends it (DOC-5, DOC-6).

mod consent;
mod here;
mod old_install;
mod remote;
mod service;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs it; the answer is checked for its shape, and ids come with their state.
fn doctor(command: &mut Command, args: &[&str]) -> (i32, Value) {
    let (exit, answer) = crate::json(command, &[&["doctor"], args].concat());
    for check in answer["checks"].as_array().unwrap_or_else(|| panic!("{answer}")) {
        for key in ["id", "state", "severity", "title", "detail", "remediation"] {
            assert!(check.get(key).is_some(), "{key}: {check}");
        }
    }
    let critical = answer["summary"]["critical"].as_u64().unwrap();
    assert_eq!(answer["ok"] == true, critical == 0, "{answer}");
    (exit, answer)
}

/// Takes a state folder and its config from others: a kit's own are open to all.
fn close(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::set_permissions(folder.join("openclaw.json"), std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The ids of the checks in this state.
fn ids<'a>(answer: &'a Value, state: &str) -> Vec<&'a str> {
    let checks = answer["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["state"] == state).map(|check| check["id"].as_str().unwrap()).collect()
}

/// The one check of this id.
fn check<'a>(answer: &'a Value, id: &str) -> &'a Value {
    answer["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == id)
        .unwrap_or_else(|| panic!("{id}: {answer}"))
}

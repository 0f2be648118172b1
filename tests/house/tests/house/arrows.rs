//! Which crate may know which (the table of `ARCHITECTURE.md`). Arrows point down only.

use crate::house::{crates, read};

/// Every crate and the crates of ours it may depend on.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &[]),
    ("config", &["base"]),
    ("exec_policy", &["base"]),
    ("store", &["base", "wire", "config"]),
    ("link", &["base", "wire"]),
    ("channels", &["base", "wire", "config", "store"]),
    ("agent", &["base", "wire", "config", "exec_policy", "store"]),
    ("node", &["base", "wire", "config", "exec_policy", "link"]),
    ("gateway", &["base", "wire", "config", "exec_policy", "store", "agent", "channels"]),
    ("cli", &["base", "wire", "config", "exec_policy", "store", "link", "channels", "agent", "node", "gateway"]),
];
/// Ours, but for tests only.
const FOR_TESTS: &[&str] = &["kit", "house"];
/// Crates that reach the network or a disk; `wire` does no IO.
const DOES_IO: &[&str] = &["tokio", "axum", "hyper", "reqwest", "rusqlite", "tokio-websockets", "tempfile", "rustix"];

#[test]
fn crates_know_only_what_lies_below_them() {
    for name in crates() {
        let (_, allowed) = MAY_KNOW.iter().find(|(known, _)| *known == name).unwrap_or_else(|| {
            panic!("crate `{name}` has no row here: say in ARCHITECTURE.md what it is and what it may know")
        });
        for dependency in ours(&name, "dependencies") {
            assert!(allowed.contains(&dependency.as_str()), "`{name}` must not depend on `{dependency}`");
        }
        for dependency in ours(&name, "dev-dependencies") {
            let fine = FOR_TESTS.contains(&dependency.as_str()) || allowed.contains(&dependency.as_str());
            assert!(fine, "the tests of `{name}` must not depend on `{dependency}`");
        }
    }
}

#[test]
fn wire_does_no_io() {
    for (section, name) in dependencies("wire") {
        assert!(section != "dependencies" || !DOES_IO.contains(&name.as_str()), "`wire` depends on `{name}`");
    }
}

/// Which of our crates `name` lists in `wanted`.
fn ours(name: &str, wanted: &str) -> Vec<String> {
    let is_ours = |dependency: &String| {
        MAY_KNOW.iter().any(|(known, _)| known == dependency) || FOR_TESTS.contains(&dependency.as_str())
    };
    let listed = dependencies(name).into_iter().filter(|(section, _)| section == wanted).map(|(_, name)| name);
    listed.filter(is_ours).collect()
}

/// `(section, dependency)` of a crate's manifest; a `target.'…'.dependencies` section counts as `dependencies`.
fn dependencies(name: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in read(&format!("crates/{name}/Cargo.toml")).lines() {
        if let Some(head) = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = head.rsplit('.').next().unwrap_or(head).to_owned();
        } else if let Some(key) = line.split(['=', '.']).next().map(str::trim)
            && !key.is_empty()
            && !key.starts_with('#')
        {
            found.push((section.clone(), key.to_owned()));
        }
    }
    found
}

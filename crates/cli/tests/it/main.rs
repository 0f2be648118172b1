//! The binary as people and scripts meet it: exit codes, the two streams, and what never appears on either.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so where it stands")]

mod approvals;
mod channels;
mod chats_crash;
mod chats_killed;
mod config_edit;
mod connect;
mod crash;
mod cron;
mod cuts;
mod daemon;
mod dashboard;
mod discovery;
mod doctor;
mod exit_codes;
mod export;
mod flags;
mod follow;
mod full_disk;
mod join;
mod local_socket;
mod looking;
mod networks;
mod node_approved;
mod node_browser;
mod node_browser_lost;
mod node_exec;
mod node_files;
mod node_host;
mod node_service;
mod nodes;
mod offline;
mod owner;
mod probe;
mod proxies;
mod real_model;
mod resume_model;
mod security;
mod seeds;
mod service;
mod service_manager;
mod shapes;
mod ssh;
mod ssh_verify;
mod story;
mod story_telegram;
mod tailnet;
mod target;
mod terminal;
mod tls;
mod tunnel;
mod tunnel_service;
mod up;
mod why;

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("openclaw").to_path_buf()
}

/// The binary with a home of its own and nothing else of this machine.
pub(crate) fn alone(home: &tempfile::TempDir) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("HOME", home.path()).stdin(std::process::Stdio::null()).current_dir(home.path());
    command
}

/// Runs it; exit code, stdout, stderr.
pub(crate) fn run(command: &mut Command, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Runs it with `--json`: stdout must be exactly one JSON value (CLI-4).
pub(crate) fn json(command: &mut Command, args: &[&str]) -> (i32, Value) {
    let (exit, stdout, stderr) = run(command, &[args, &["--json"]].concat());
    let value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {stdout:?} {stderr:?}"));
    (exit, value)
}

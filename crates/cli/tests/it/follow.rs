//! `logs --follow` across a restart of the Gateway.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use kit::{Signal, TestGateway};
use serde_json::{Value, json};

use crate::binary;

/// LOG-1: every line of the file comes once and in order, however often the connection breaks.
#[test]
fn following_the_log_survives_a_restart_without_loss_or_repetition() {
    let mut gateway = TestGateway::start(&binary(), &json!({}));
    let mut command = gateway.command();
    command.args(["logs", "--follow", "--json", "--interval", "50"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut follower = command.spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    let mut until_ready = |seen: &mut Vec<String>| {
        for line in lines.by_ref() {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let Some(raw) = line["raw"].as_str() else { continue };
            seen.push(raw.to_owned());
            if raw.contains("gateway ready") {
                return;
            }
        }
        panic!("the follower ended: {seen:?}");
    };
    until_ready(&mut seen);
    for signal in [Signal::TERM, Signal::KILL] {
        gateway.end(signal);
        gateway.boot();
        until_ready(&mut seen);
    }
    follower.kill().unwrap();
    follower.wait().unwrap();
    let folder = gateway.folder().join("logs").read_dir().unwrap();
    let file = folder.map(|file| file.unwrap().path()).max().unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let written: Vec<&str> = text.lines().take(seen.len()).collect();
    assert_eq!(seen, written);
}

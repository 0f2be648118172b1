//! `chat` on a real terminal.

use std::process::{Command, Stdio};

use kit::TestGateway;
use rexpect::session::spawn_command;
use serde_json::json;

use crate::binary;

/// How long the terminal may take to show what is expected, milliseconds.
const PATIENCE: Option<u64> = Some(20_000);

fn chat(gateway: &TestGateway) -> rexpect::session::PtySession {
    let mut command: Command = gateway.command();
    // The harness gives its commands no stdin; here the terminal is one.
    command.args(["chat"]).env("TERM", "xterm").stdin(Stdio::inherit());
    spawn_command(command, PATIENCE).unwrap()
}

#[test]
fn chat_shows_a_prompt_and_ctrl_d_leaves() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let mut terminal = chat(&gateway);
    terminal.exp_string("Ctrl-D leaves").unwrap();
    terminal.exp_string("you> ").unwrap();
    terminal.send_control('d').unwrap();
    terminal.exp_eof().unwrap();
}

#[test]
fn chat_leaves_on_quit() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let mut terminal = chat(&gateway);
    terminal.exp_string("you> ").unwrap();
    terminal.send_line("/quit").unwrap();
    terminal.exp_eof().unwrap();
}

//! `chat` and `agent` on a real terminal.

use std::process::{Command, Stdio};

use kit::TestGateway;
use kit::vendors::{FakeOpenAi, Gate, Reply};
use rexpect::session::spawn_command;
use serde_json::json;

use crate::binary;

/// How long the terminal may take to show what is expected, milliseconds.
const PATIENCE: Option<u64> = Some(20_000);

fn chat(gateway: &TestGateway) -> rexpect::session::PtySession {
    on_a_terminal(gateway, &["chat"])
}

fn on_a_terminal(gateway: &TestGateway, args: &[&str]) -> rexpect::session::PtySession {
    let mut command: Command = gateway.command();
    // The harness gives its commands no stdin; here the terminal is one.
    command.args(args).env("TERM", "xterm").stdin(Stdio::inherit());
    spawn_command(command, PATIENCE).unwrap()
}

/// WORK-1, A-6.8a: nothing of the answer is lost between the stream and the final answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agent_shows_the_whole_answer_as_it_comes() {
    let vendor = FakeOpenAi::start().await;
    vendor.always(Reply::text("The first words and then many more until the very last."));
    let gateway = TestGateway::start(&binary(), &crate::crash::model(&vendor));
    for _ in 0..5 {
        let mut terminal = on_a_terminal(&gateway, &["agent", "--message", "hello"]);
        let shown = terminal.exp_eof().unwrap();
        assert!(shown.contains("The first words and then many more until the very last."), "{shown:?}");
    }
}

/// Ctrl-C stops the run, keeps what was said, and the chat goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chat_streams_an_answer_and_ctrl_c_stops_one() {
    let vendor = FakeOpenAi::start().await;
    let gate = Gate::closed();
    vendor.then(Reply::text("A whole answer.")).then(Reply::text("Half of an answer that waits").behind(&gate));
    let gateway = TestGateway::start(&binary(), &crate::crash::model(&vendor));
    let mut terminal = chat(&gateway);
    terminal.exp_string("you> ").unwrap();
    terminal.send_line("first").unwrap();
    terminal.exp_string("A whole answer.").unwrap();
    terminal.exp_string("you> ").unwrap();
    terminal.send_line("second").unwrap();
    gate.release(2);
    terminal.exp_string("Half").unwrap();
    terminal.send_control('c').unwrap();
    terminal.exp_string("you> ").unwrap();
    terminal.send_control('d').unwrap();
    terminal.exp_eof().unwrap();
    vendor.abandoned(1).await;
}

/// CLI-7: Ctrl-C stops the run and not only the command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_stops_the_run_of_agent() {
    let vendor = FakeOpenAi::start().await;
    let gate = Gate::closed();
    vendor.then(Reply::text("Half of an answer that waits").behind(&gate));
    let gateway = TestGateway::start(&binary(), &crate::crash::model(&vendor));
    let mut terminal = on_a_terminal(&gateway, &["agent", "--message", "hello"]);
    gate.release(2);
    terminal.exp_string("Half").unwrap();
    terminal.send_control('c').unwrap();
    terminal.exp_string("INTERRUPTED").unwrap();
    terminal.exp_eof().unwrap();
    vendor.abandoned(1).await;
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

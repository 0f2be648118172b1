//! `exec.started`, `exec.finished`, `exec.denied`: how a command went that this Gateway asked a node for (N-7.6). A word
//! about any other is ignored: a node does not tell the agent what it likes.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use wire::ErrorShape;

use super::{Heard, cut, given, named, read, wake};
use crate::nodes::Live;
use crate::nodes::issued::IssuedRun;
use crate::rpc::unavailable;
use crate::services::Services;

/// What is told of the output.
const OUTPUT_MAX_CHARS: usize = 180;
const COMMAND_MAX_CHARS: usize = 120;
/// How long the end of a run is told once.
const ECHO: Duration = Duration::from_secs(10 * 60);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    session_key: Option<String>,
    run_id: Option<String>,
    command: Option<String>,
    exit_code: Option<i64>,
    timed_out: Option<bool>,
    output: Option<String>,
    suppress_notify_on_exit: Option<bool>,
}

/// Takes one in.
pub(super) async fn hear(services: &Services, node: &Live, event: &str, details: Value) -> Result<Heard, ErrorShape> {
    let Some(told) = read::<Told>(details) else { return Ok(Heard::ignored("invalid_payload")) };
    let Some(run) = told.run(node) else { return Ok(Heard::ignored("unmatched_exec_event")) };
    let (issued, now) = (services.nodes.issued(), Instant::now());
    let is_ours = if event == "exec.started" { issued.knows(now, &run) } else { issued.take(now, &run) };
    if !is_ours {
        return Ok(Heard::ignored("unmatched_exec_event"));
    }
    let is_silent = told.suppress_notify_on_exit == Some(true) || !services.agents.config().tools.exec.notify_on_exit;
    if event == "exec.finished" && !is_silent && told.is_news() {
        tell(services, &told, &run).await?;
    }
    Ok(Heard::done("matched"))
}

/// Tells the session whose command it was, once, and wakes the agent for it.
async fn tell(services: &Services, told: &Told, run: &IssuedRun) -> Result<(), ErrorShape> {
    let session = wake::existing(services, given(&told.session_key).and_then(|key| named(services, key))).await?;
    if services.nodes.echoes().repeats(Instant::now(), &["exec", session.as_str(), &run.run_id], ECHO) {
        return Ok(());
    }
    let about = format!("exec:{}", run.run_id);
    services.store.note_event(&session, &about, &told.line(&run.node_id)).await.map_err(unavailable)?;
    wake::wake(services, &session).await.map(drop)
}

impl Told {
    /// The run it is about.
    fn run(&self, node: &Live) -> Option<IssuedRun> {
        Some(IssuedRun {
            node_id: node.caller.device_id.clone()?,
            conn_id: node.caller.conn_id,
            run_id: given(&self.run_id)?.to_owned(),
            session_key: given(&self.session_key).map(str::to_owned),
        })
    }

    /// A command that did what it should without a word is no news.
    fn is_news(&self) -> bool {
        self.timed_out == Some(true) || self.exit_code != Some(0) || given(&self.output).is_some()
    }

    fn line(&self, node_id: &str) -> String {
        let node: String = node_id.chars().take(12).collect();
        let end = match (self.timed_out, self.exit_code) {
            (Some(true), _) => "was stopped, its time was up".to_owned(),
            (_, Some(code)) => format!("ended with code {code}"),
            (_, None) => "ended without a code".to_owned(),
        };
        let command = given(&self.command).map(|command| format!(" `{}`", cut(command, COMMAND_MAX_CHARS)));
        let output = given(&self.output).map(|output| format!(": {}", cut(&compact(output), OUTPUT_MAX_CHARS)));
        format!("Command{} on node {node} {end}{}", command.unwrap_or_default(), output.unwrap_or_default())
    }
}

/// Runs of blanks and line ends as one blank.
fn compact(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// N-7.6
    #[test]
    fn only_what_matters_of_a_command_is_told_in_one_line() {
        let told = |details: Value| read::<Told>(details).unwrap();
        assert!(!told(json!({"exitCode": 0, "output": " \n"})).is_news());
        for news in [
            json!({"exitCode": 1}),
            json!({}),
            json!({"exitCode": 0, "output": "x"}),
            json!({"exitCode": 0, "timedOut": true}),
        ] {
            assert!(told(news.clone()).is_news(), "{news}");
        }
        let long =
            told(json!({"command": "make\nall", "exitCode": 2, "output": format!("a \n b {}", "c".repeat(300))}));
        let line = long.line("0123456789abcdef");
        assert!(line.starts_with("Command `make all` on node 0123456789ab ended with code 2: a b ccc"), "{line}");
        assert_eq!(line.split(": ").nth(1).unwrap().chars().count(), OUTPUT_MAX_CHARS);
    }
}

//! A run's tools as clients see them: whole for those with `tool-events`, in one line for everybody.

use std::collections::HashMap;

use agent::run::RunEvent;
use agent::tools::ToolOutput;
use serde_json::Value;
use wire::events::agent::{CommandOutput, Item, Stream, ToolResult, ToolStep};
use wire::message::{Block, text_of};

/// Tools whose output is a command's.
const COMMAND_TOOLS: [&str; 1] = ["exec"];
/// Longest title, in characters.
const TITLE_MAX_CHARS: usize = 80;

/// Which tools run, and since when.
#[derive(Default)]
pub(super) struct ToolReport {
    running: HashMap<String, Running>,
}

struct Running {
    title: String,
    since: i64,
}

impl ToolReport {
    /// The streams of one tool event, and whether each is only for clients with `tool-events`.
    pub(super) fn event(&mut self, ts: i64, event: RunEvent) -> Vec<(Stream, bool)> {
        match event {
            RunEvent::ToolStarted { id, name, args } => self.started(ts, id, name, args),
            RunEvent::ToolProgress { id, name, delta } => self.progressed(ts, id, name, delta),
            RunEvent::ToolEnded { id, name, output } => self.ended(ts, id, name, output),
            _ => Vec::new(),
        }
    }

    fn started(&mut self, ts: i64, id: String, name: String, args: Value) -> Vec<(Stream, bool)> {
        let running = Running { title: title(&name, &args), since: ts };
        let item = item(&id, &name, "start", "running", &running, None);
        self.running.insert(id.clone(), running);
        vec![(Stream::Item(item), false), (Stream::Tool(ToolStep::Start { name, tool_call_id: id, args }), true)]
    }

    fn progressed(&mut self, ts: i64, id: String, name: String, delta: String) -> Vec<(Stream, bool)> {
        let running = self.running.entry(id.clone()).or_insert_with(|| Running { title: name.clone(), since: ts });
        let partial_result = ToolResult { content: vec![Block::text(delta.as_str())], details: None };
        let item = item(&id, &name, "update", "running", running, None);
        let mut streams = vec![
            (Stream::Tool(ToolStep::Update { name: name.clone(), tool_call_id: id.clone(), partial_result }), true),
            (Stream::Item(item), false),
        ];
        if COMMAND_TOOLS.contains(&name.as_str()) {
            let printed = command(&id, &name, "delta", running, delta, "running");
            streams.push((Stream::CommandOutput(printed), false));
        }
        streams
    }

    fn ended(&mut self, ts: i64, id: String, name: String, output: ToolOutput) -> Vec<(Stream, bool)> {
        let running = self.running.remove(&id).unwrap_or_else(|| Running { title: name.clone(), since: ts });
        let status = if output.is_error { "failed" } else { "completed" };
        let item = item(&id, &name, "end", status, &running, Some(ts));
        let printed = COMMAND_TOOLS.contains(&name.as_str()).then(|| {
            let exit_code = output.details.as_ref().and_then(|details| details.get("exitCode")?.as_i64());
            let printed = command(&id, &name, "end", &running, text_of(&output.content), status);
            CommandOutput { exit_code, duration_ms: Some(ts - running.since), ..printed }
        });
        let ToolOutput { content, details, is_error } = output;
        let result = ToolResult { content, details };
        let whole = Stream::Tool(ToolStep::Result { name, tool_call_id: id, is_error, result });
        let mut streams = vec![(whole, true), (Stream::Item(item), false)];
        streams.extend(printed.map(|printed| (Stream::CommandOutput(printed), false)));
        streams
    }
}

fn item(id: &str, name: &str, phase: &str, status: &str, running: &Running, ended_at: Option<i64>) -> Item {
    Item {
        item_id: format!("tool:{id}"),
        tool_call_id: id.into(),
        name: name.into(),
        kind: "tool".into(),
        phase: phase.into(),
        title: running.title.clone(),
        status: status.into(),
        started_at: running.since,
        ended_at,
    }
}

fn command(id: &str, name: &str, phase: &str, running: &Running, output: String, status: &str) -> CommandOutput {
    CommandOutput {
        item_id: format!("command:{id}"),
        tool_call_id: id.into(),
        name: name.into(),
        phase: phase.into(),
        title: running.title.clone(),
        output,
        status: status.into(),
        exit_code: None,
        duration_ms: None,
    }
}

/// The tool and the argument that says most, `exec: ls -l`.
fn title(name: &str, args: &Value) -> String {
    let telling = ["command", "path", "url", "query", "action"].iter().find_map(|key| args.get(key)?.as_str());
    let whole =
        telling.map_or_else(|| name.to_owned(), |text| format!("{name}: {}", text.lines().next().unwrap_or("")));
    whole.chars().take(TITLE_MAX_CHARS).collect()
}

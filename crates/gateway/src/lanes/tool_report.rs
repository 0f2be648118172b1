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
    meta: Option<String>,
    since: i64,
}

impl Running {
    /// A tool whose beginning was not reported.
    fn unknown(name: &str, since: i64) -> Self {
        Self { title: name.into(), meta: None, since }
    }
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
        let meta = telling(&args);
        let running = Running { title: title(&name, meta.as_deref()), meta, since: ts };
        let item = item(&id, &name, "start", "running", &running, None);
        self.running.insert(id.clone(), running);
        vec![(Stream::Item(item), false), (Stream::Tool(ToolStep::Start { name, tool_call_id: id, args }), true)]
    }

    fn progressed(&mut self, ts: i64, id: String, name: String, delta: String) -> Vec<(Stream, bool)> {
        let running = self.running.entry(id.clone()).or_insert_with(|| Running::unknown(&name, ts));
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
        let running = self.running.remove(&id).unwrap_or_else(|| Running::unknown(&name, ts));
        let status = if output.is_error { "failed" } else { "completed" };
        let item = item(&id, &name, "end", status, &running, Some(ts));
        let printed = COMMAND_TOOLS.contains(&name.as_str()).then(|| {
            let detail = |name: &str| output.details.as_ref().and_then(|details| details.get(name));
            let exit_code = detail("exitCode").and_then(Value::as_i64);
            let cwd = detail("cwd").and_then(Value::as_str).map(Into::into);
            let printed = command(&id, &name, "end", &running, text_of(&output.content), status);
            CommandOutput { exit_code, cwd, duration_ms: Some(ts - running.since), ..printed }
        });
        let ToolOutput { content, details, is_error } = output;
        let result = ToolResult { content, details };
        let (meta, command_bearing) = (running.meta, COMMAND_TOOLS.contains(&name.as_str()));
        let whole = Stream::Tool(ToolStep::Result { name, tool_call_id: id, meta, command_bearing, is_error, result });
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
        meta: running.meta.clone(),
        command_bearing: COMMAND_TOOLS.contains(&name),
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
        cwd: None,
    }
}

/// The tool and the argument that says most, `exec: ls -l`.
fn title(name: &str, meta: Option<&str>) -> String {
    let whole = meta.map_or_else(|| name.to_owned(), |text| format!("{name}: {text}"));
    whole.chars().take(TITLE_MAX_CHARS).collect()
}

/// The argument that says most, its first line.
fn telling(args: &Value) -> Option<String> {
    let text = ["command", "path", "url", "query", "action"].iter().find_map(|key| args.get(key)?.as_str())?;
    Some(text.lines().next().unwrap_or_default().chars().take(TITLE_MAX_CHARS).collect())
}

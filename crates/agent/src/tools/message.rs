//! The `message` tool: chats, as the agent reaches them of its own accord. What it may do where is the
//! Gateway's to say; this reads the words and sees to it that only files of the workspace leave by it.

use std::path::{Path, PathBuf};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Tool, ToolCx, ToolDeps, ToolOutput, args};
use crate::ports::{Deed, Ports};
use crate::providers::ToolSpec;

pub(super) struct Message {
    ports: Ports,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Args {
    action: Action,
    /// The channel; left out, the one this conversation is in.
    channel: Option<String>,
    /// The chat; left out, the one this conversation is in.
    #[serde(alias = "to")]
    target: Option<String>,
    /// Which account of ours speaks there.
    account_id: Option<String>,
    /// The topic.
    thread_id: Option<String>,
    /// send, edit: the text, in Markdown.
    #[serde(alias = "text")]
    message: Option<String>,
    /// send: a file of the workspace, or an https URL.
    media: Option<String>,
    /// send: send sound as a voice note.
    as_voice: Option<bool>,
    /// send: the message to answer.
    reply_to: Option<String>,
    /// send: rows of buttons, each a list of {text, data}.
    buttons: Option<Vec<Vec<Button>>>,
    /// send, poll: disturb nobody.
    silent: Option<bool>,
    /// react, edit, delete, pin, unpin: which message.
    message_id: Option<String>,
    /// react: with what.
    emoji: Option<String>,
    /// react: take it back.
    remove: Option<bool>,
    /// poll: the question.
    poll_question: Option<String>,
    /// poll: 2 to 12 options.
    poll_option: Option<Vec<String>>,
    /// poll: several may be chosen.
    poll_multi: Option<bool>,
    /// poll: how long it is open.
    poll_duration_seconds: Option<u32>,
    /// thread-create: the name of the topic.
    thread_name: Option<String>,
    /// read: how many messages.
    limit: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Action {
    #[default]
    Send,
    React,
    Edit,
    Delete,
    Pin,
    Unpin,
    Poll,
    ThreadCreate,
    Read,
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::React => "react",
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Poll => "poll",
            Self::ThreadCreate => "thread-create",
            Self::Read => "read",
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
struct Button {
    /// What it says.
    text: String,
    /// What you are told when it is pressed; at most 64 bytes.
    #[serde(alias = "callback_data")]
    data: String,
}

impl Message {
    pub(super) fn new(deps: &ToolDeps) -> Self {
        Self { ports: deps.ports.clone() }
    }

    async fn act(&self, args: Args, cx: &ToolCx) -> Result<ToolOutput, ToolOutput> {
        let mut files = Vec::new();
        if let Some(file) = args.media.as_deref().filter(|media| !media.contains("://")) {
            files.push(
                leaves(&cx.workspace, file).map_err(|why| ToolOutput::error(format!("nothing was sent: {why}")))?,
            );
        }
        let deed = Deed {
            call_id: cx.call_id.clone(),
            action: args.action.word(),
            channel: args.channel.clone(),
            account: args.account_id.clone(),
            to: args.target.clone(),
            thread: args.thread_id.clone(),
            words: words(&args),
            files,
        };
        let done = self.ports.chats.act(deed, &cx.asker()).await;
        let done =
            done.map_err(|error| ToolOutput::error(format!("`message` {}: {}", args.action.word(), error.message)))?;
        Ok(ToolOutput { details: Some(done.clone()), ..ToolOutput::text(done.to_string()) })
    }
}

/// What the action is done with, as `message.action` has it.
fn words(args: &Args) -> Value {
    let url = args.media.as_deref().filter(|media| media.contains("://"));
    let buttons = args.buttons.as_ref().map(|rows| {
        let row = |row: &Vec<Button>| row.iter().map(|one| json!({"text": one.text, "data": one.data})).collect();
        Value::Array(rows.iter().map(row).collect())
    });
    let all = [
        ("message", json!(args.message)),
        ("media", json!(url)),
        ("asVoice", json!(args.as_voice)),
        ("replyTo", json!(args.reply_to)),
        ("buttons", json!(buttons)),
        ("silent", json!(args.silent)),
        ("messageId", json!(args.message_id)),
        ("emoji", json!(args.emoji)),
        ("remove", json!(args.remove)),
        ("pollQuestion", json!(args.poll_question)),
        ("pollOption", json!(args.poll_option)),
        ("pollMulti", json!(args.poll_multi)),
        ("pollDurationSeconds", json!(args.poll_duration_seconds)),
        ("threadName", json!(args.thread_name)),
        ("limit", json!(args.limit)),
    ];
    let given = all.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value));
    Value::Object(given.collect::<Map<_, _>>())
}

/// A file that may leave: one of the workspace, wherever a link in it leads.
fn leaves(workspace: &Path, file: &str) -> Result<PathBuf, String> {
    let unreadable = |error: std::io::Error| format!("`{file}`: {error}");
    let root = std::fs::canonicalize(workspace).map_err(unreadable)?;
    let path = std::fs::canonicalize(root.join(file)).map_err(unreadable)?;
    if !path.starts_with(&root) {
        return Err(format!("`{file}` is not in the workspace; copy it there first"));
    }
    if path.is_file() { Ok(path) } else { Err(format!("`{file}` is no file")) }
}

impl Tool for Message {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "message".into(),
            description: "Acts in a chat: sends, reacts, edits, deletes, pins, polls, opens topics, reads what was said \
                          lately. Your final answer goes to the chat you were written from by itself; use this for files, \
                          buttons, polls, and for other chats when their owner asks. What was sent by this is not said again."
                .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args: Args = match args::parse("message", arguments) {
                Ok(args) => args,
                Err(wrong) => return wrong,
            };
            let ended = tokio::select! {
                () = cx.cancel.cancelled() => Err(ToolOutput::error("`message` was stopped; it may have been sent")),
                ended = self.act(args, &cx) => ended,
            };
            ended.unwrap_or_else(|error| error)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn only_files_of_the_workspace_leave() {
        let (workspace, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(workspace.path().join("in.txt"), "in").unwrap();
        std::fs::write(outside.path().join("out.txt"), "out").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(outside.path().join("out.txt"), workspace.path().join("link.txt")).unwrap();
        assert!(leaves(workspace.path(), "in.txt").is_ok());
        let out = outside.path().join("out.txt").display().to_string();
        for refused in [out.as_str(), "link.txt", "../x", "missing.txt", "."] {
            assert!(leaves(workspace.path(), refused).is_err(), "{refused}");
        }
    }

    ///
    #[test]
    fn the_words_are_those_of_the_protocol() {
        let given = json!({"action": "poll", "pollQuestion": "Tea?", "pollOption": ["yes", "no"]});
        let args: Args = args::parse("message", given).unwrap();
        assert_eq!(args.action.word(), "poll");
        assert_eq!(words(&args), json!({"pollQuestion": "Tea?", "pollOption": ["yes", "no"]}));
    }
}

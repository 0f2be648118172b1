//! What can be done in a chat beside sending, a struct a command.

use serde_json::json;

use super::{Where, cell, history, place};
use crate::app::App;
use crate::exit::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Read {
    #[command(flatten)]
    place: Where,
    /// At most so many messages
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    limit: u16,
}

impl Read {
    pub(super) fn run(&self, app: &App) -> Result<(), Failure> {
        let Some(answer) = self.place.ask(app, "read", json!({"limit": self.limit}))? else { return Ok(()) };
        app.out.either(&answer, || history(&answer, base::now_ms()));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct React {
    #[command(flatten)]
    place: Where,
    /// Which message
    #[arg(long, value_name = "ID")]
    message_id: String,
    /// With what
    #[arg(long, value_name = "EMOJI", required_unless_present = "remove")]
    emoji: Option<String>,
    /// Take the reaction back
    #[arg(long)]
    remove: bool,
}

impl React {
    pub(super) fn run(&self, app: &App) -> Result<(), Failure> {
        let words = json!({"messageId": self.message_id, "emoji": self.emoji, "remove": self.remove.then_some(true)});
        let Some(answer) = self.place.ask(app, "react", words)? else { return Ok(()) };
        app.out.either(&answer, || format!("Reacted to message {} of {}.", self.message_id, place(&answer)));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Edit {
    #[command(flatten)]
    place: Where,
    /// Which message
    #[arg(long, value_name = "ID")]
    message_id: String,
    /// What it says from now on
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    message: String,
}

impl Edit {
    pub(super) fn run(&self, app: &App) -> Result<(), Failure> {
        let words = json!({"messageId": self.message_id, "message": self.message});
        let Some(answer) = self.place.ask(app, "edit", words)? else { return Ok(()) };
        app.out.either(&answer, || format!("Changed message {} of {}.", self.message_id, place(&answer)));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Delete {
    #[command(flatten)]
    place: Where,
    /// Which message
    #[arg(long, value_name = "ID")]
    message_id: String,
}

impl Delete {
    pub(super) fn run(&self, app: &App) -> Result<(), Failure> {
        let words = json!({"messageId": self.message_id});
        let Some(answer) = self.place.ask(app, "delete", words)? else { return Ok(()) };
        app.out.either(&answer, || format!("Took message {} of {} away.", self.message_id, place(&answer)));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Poll {
    #[command(flatten)]
    place: Where,
    /// The question
    #[arg(long, value_name = "TEXT", visible_alias = "question")]
    poll_question: String,
    /// An option; two to twelve of them
    #[arg(long, value_name = "TEXT", visible_alias = "option", required = true)]
    poll_option: Vec<String>,
    /// Let people choose several
    #[arg(long)]
    poll_multi: bool,
    /// How long it is open
    #[arg(long, value_name = "N", conflicts_with = "poll_duration_seconds")]
    poll_duration_hours: Option<u32>,
    /// The same in seconds
    #[arg(long, value_name = "N")]
    poll_duration_seconds: Option<u32>,
    /// Disturb nobody
    #[arg(long)]
    silent: bool,
}

impl Poll {
    pub(super) fn run(&self, app: &App) -> Result<(), Failure> {
        let words = json!({
            "pollQuestion": self.poll_question, "pollOption": self.poll_option,
            "pollMulti": self.poll_multi.then_some(true), "pollDurationHours": self.poll_duration_hours,
            "pollDurationSeconds": self.poll_duration_seconds, "silent": self.silent.then_some(true),
        });
        let Some(answer) = self.place.ask(app, "poll", words)? else { return Ok(()) };
        app.out.either(&answer, || format!("Asked {} (message {}).", place(&answer), cell(&answer["messageId"])));
        Ok(())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Pin {
    #[command(flatten)]
    place: Where,
    /// Which message
    #[arg(long, value_name = "ID")]
    message_id: String,
}

impl Pin {
    pub(super) fn run(&self, app: &App, action: &str) -> Result<(), Failure> {
        let words = json!({"messageId": self.message_id});
        let Some(answer) = self.place.ask(app, action, words)? else { return Ok(()) };
        let done = if action == "pin" { "Pinned" } else { "Unpinned" };
        app.out.either(&answer, || format!("{done} message {} of {}.", self.message_id, place(&answer)));
        Ok(())
    }
}

/// Work with topics
#[derive(Debug, clap::Args)]
pub(super) struct Thread {
    #[command(subcommand)]
    action: ThreadAction,
}

#[derive(Debug, clap::Subcommand)]
enum ThreadAction {
    /// Open a topic
    Create(ThreadCreate),
}

#[derive(Debug, clap::Args)]
struct ThreadCreate {
    #[command(flatten)]
    place: Where,
    /// What it is called
    #[arg(long, value_name = "TEXT", visible_alias = "name")]
    thread_name: String,
}

impl Thread {
    pub(super) fn run(&self, app: &App) -> Result<(), Failure> {
        let ThreadAction::Create(args) = &self.action;
        let words = json!({"threadName": args.thread_name});
        let Some(answer) = args.place.ask(app, "thread-create", words)? else { return Ok(()) };
        app.out.either(&answer, || format!("Opened the topic {:?} in {}.", args.thread_name, place(&answer)));
        Ok(())
    }
}
